// What a test of create works in: a folder of its own with a cache, a place for
// the configuration directory and one for updates. It is gone when the test file
// is done, and the user's own cache is left alone.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { execa } from 'execa';
import { afterAll, beforeAll, vi } from 'vitest';
import { removeLeftovers } from './mounted.js';

export const ROOT = resolve(import.meta.dirname, '../..');

export interface Scratch {
  /** The folder, below `.work`: on the same file system as the project. */
  readonly work: string;
  /** What $KSPLICE_CACHE is meanwhile. */
  readonly cache: string;
  readonly confdir: string;
  readonly output: string;
}

/** Makes the folder now; $KSPLICE_CACHE is set while the tests of the file run. */
export function scratch(name: string): Scratch {
  const parent = join(ROOT, '.work');
  mkdirSync(parent, { recursive: true });
  removeLeftovers(parent, name);
  const work = mkdtempSync(join(parent, `${name}-${process.pid}-`));
  const cache = join(work, 'cache');
  beforeAll(() => void vi.stubEnv('KSPLICE_CACHE', cache));
  // In the background: whole source trees are in it, and a minute of silence ends the test run.
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(work, { recursive: true, force: true });
  });
  return { work, cache, confdir: join(work, 'conf'), output: join(work, 'out') };
}

/** One piece of text in a file of a tree, and what takes its place. */
export interface Edit {
  readonly path: string;
  readonly from: string | RegExp;
  /** `$&` and the like are read as with String.replace() if `from` is an expression. */
  readonly to: string;
}

/** The text of a file after an edit. Throws when the file does not have what is to be replaced. */
export function edited(tree: string, { path, from, to }: Edit): string {
  const text = readFileSync(join(tree, path), 'latin1');
  const found = typeof from === 'string' ? from : from.exec(text)?.[0];
  if (found === undefined || !text.includes(found)) throw new Error(`${path} has no ${from}`);
  return text.replace(found, () => (typeof from === 'string' ? to : found.replace(from, to)));
}

/** Writes a patch of edits to files of a tree, each of a file of its own; the patch file's path. */
export function writePatch(folder: string, tree: string, ...edits: readonly Edit[]): string {
  const parts = edits.map((edit) => {
    const before = readFileSync(join(tree, edit.path), 'latin1');
    return createTwoFilesPatch(`a/${edit.path}`, `b/${edit.path}`, before, edited(tree, edit));
  });
  const file = join(folder, `${edits[0]?.path.replaceAll('/', '-')}.patch`);
  writeFileSync(file, parts.join(''), 'latin1');
  return file;
}

/**
 * A tree of links to another's files.
 * @param own a directory in it whose files are copies: they may be written to
 */
export async function linkTree(from: string, tree: string, own: string): Promise<void> {
  await execa('cp', ['-al', from, tree]);
  rmSync(join(tree, own), { recursive: true });
  cpSync(join(from, own), join(tree, own), { recursive: true, preserveTimestamps: true });
}
