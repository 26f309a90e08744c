// The patches of a corpus: each .c file that differs between two source trees,
// as a unified diff of its own.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { execa } from 'execa';
import { kindOf } from '../../src/create/change/patched-file.js';

export interface CorpusPatch {
  /** The file that it changes, relative to the tree. */
  readonly path: string;
  /** The patch. */
  readonly file: string;
}

/**
 * Files that both trees have and that differ, sorted.
 * @param globs files or directories; `*` stands for any part of a name
 */
export async function changedFiles(
  from: string,
  to: string,
  globs: readonly string[],
): Promise<string[]> {
  const wanted = globs.map(pattern);
  const paths = new Set<string>();
  for (const start of globs.length > 0 ? globs.map(fixedPart) : ['']) {
    for (const path of await differing(from, to, start)) {
      if (!path.endsWith('.c') || kindOf(path) !== 'source') continue;
      if (wanted.length === 0 || wanted.some((glob) => glob.test(path))) paths.add(path);
    }
  }
  return [...paths].sort();
}

/** What both trees have below `start` and is not the same. */
async function differing(from: string, to: string, start: string): Promise<string[]> {
  const args = ['-rq', '--no-dereference', join(from, start), join(to, start)];
  const { stdout } = await execa('diff', args, {
    reject: false,
    env: { LC_ALL: 'C' },
    maxBuffer: 1 << 28,
  });
  const names = stdout.split('\n').map((line) => /^Files (.+) and .+ differ$/.exec(line)?.[1]);
  return names.flatMap((name) => (name === undefined ? [] : [relative(from, name)]));
}

/** The directory or file that a glob begins with: as little as possible is read. */
function fixedPart(glob: string): string {
  const parts = glob.split('/').filter(Boolean);
  const star = parts.findIndex((part) => part.includes('*'));
  return (star < 0 ? parts : parts.slice(0, star)).join('/');
}

function pattern(glob: string): RegExp {
  const text = glob.replace(/\/+$/, '').replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${text.replaceAll('*', '[^/]*')}(/|$)`);
}

/**
 * The list in an order of which every beginning is spread over the whole: the
 * results of a run that was limited, or stopped, stand for the rest as well as they can.
 */
export function spread<T>(list: readonly T[]): T[] {
  // Steps of the golden section never come close to a place where they were before.
  let step = Math.max(1, Math.round(list.length * 0.618));
  while (greatestCommonDivisor(step, list.length) > 1) step++;
  return list.map((_, index) => list[(index * step) % list.length] as T);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Writes the patch of one file below `directory`. */
export async function writePatch(
  path: string,
  from: string,
  to: string,
  directory: string,
): Promise<CorpusPatch> {
  const labels = ['--label', `a/${path}`, '--label', `b/${path}`];
  const args = ['-u', '--text', ...labels, join(from, path), join(to, path)];
  // Bytes as they are: sources hold names in any encoding.
  const { stdout } = await execa('diff', args, { reject: false, encoding: 'buffer' });
  const file = join(directory, `${path}.patch`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, stdout);
  return { path, file };
}
