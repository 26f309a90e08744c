// The patches of a corpus: each .c file that differs between two source trees,
// as a unified diff of its own.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { execa } from 'execa';
import { kindOf } from '../../src/create/change/patched-file.js';
import { PLACES } from '../../src/create/objects/includers.js';

export interface CorpusPatch {
  /** The file that it changes, relative to the tree; the first, if they are several. */
  readonly path: string;
  /** The patch. */
  readonly file: string;
  /** Where the objects are that are compiled with it, below a directory for all. */
  readonly place: string;
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

/** All files of code that differ, and the headers that are new. */
export async function allChanged(from: string, to: string): Promise<Set<string>> {
  const changed = new Set<string>();
  for (const start of PLACES.split(' ')) {
    for (const path of await differing(from, to, start, ['-N'])) {
      const kind = kindOf(path);
      if (kind !== 'source' && kind !== 'included') continue;
      if (!existsSync(join(to, path))) continue;
      if (kind === 'included' || existsSync(join(from, path))) changed.add(path);
    }
  }
  return changed;
}

/** What both trees have below `start` and is not the same. */
async function differing(
  from: string,
  to: string,
  start: string,
  options: readonly string[] = [],
): Promise<string[]> {
  const places = [join(from, start), join(to, start)];
  const args = ['-rq', '--no-dereference', ...options, ...places];
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
  const file = join(directory, `${path}.patch`);
  write(file, [await diffOf(path, from, to)]);
  return { path, file, place: path };
}

/** Writes one patch of several files below `directory`. */
export async function writeGroup(
  paths: readonly [string, ...string[]],
  from: string,
  to: string,
  directory: string,
): Promise<CorpusPatch> {
  const [path] = paths;
  // Alone it is the patch that writePatch() makes.
  const place = paths.length === 1 ? path : `groups/${path}/${paths.length}`;
  const file = join(directory, `${place}.patch`);
  const diffs: Uint8Array[] = [];
  for (const one of paths) diffs.push(await diffOf(one, from, to));
  write(file, diffs);
  return { path, file, place };
}

function write(file: string, diffs: readonly Uint8Array[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(diffs));
}

/** The unified diff of one file. */
export async function diffOf(path: string, from: string, to: string): Promise<Uint8Array> {
  const old = existsSync(join(from, path)) ? join(from, path) : '/dev/null';
  const labels = ['--label', old === '/dev/null' ? old : `a/${path}`, '--label', `b/${path}`];
  // Bytes as they are: sources hold names in any encoding.
  const args = ['-u', '--text', ...labels, old, join(to, path)];
  const { stdout } = await execa('diff', args, {
    reject: false,
    encoding: 'buffer',
    stripFinalNewline: false,
  });
  return stdout;
}
