// Directories that a user names. mkdir's own way of making all that leads there tries for ever in
// Node where a file system says "no such file" of what is to be made, as /proc does.

import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Makes a directory and what leads there, as far as it is not there.
 * @returns the topmost that was made, undefined if the directory was there
 */
export function makeDirectories(directory: string, mode = 0o777): string | undefined {
  const { missing } = placeOf(directory);
  for (const place of missing) makeUnlessThere(place, mode);
  if (!statSync(directory).isDirectory()) throw systemError('ENOTDIR', directory);
  return missing[0];
}

/**
 * Tries whether files can be made in a directory, and renamed; of one that is not there, whether
 * it can be made. Nothing is left.
 * @throws what the system says
 */
export function tryDirectory(directory: string): void {
  const { existing } = placeOf(directory);
  if (!statSync(existing).isDirectory()) throw systemError('ENOTDIR', existing);
  const trial = mkdtempSync(join(existing, '.ksplice-'));
  try {
    writeFileSync(join(trial, 'a'), '');
    renameSync(join(trial, 'a'), join(trial, 'b'));
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/** The nearest that is there, and what is missing below it, the topmost first. */
function placeOf(directory: string): { existing: string; missing: string[] } {
  const missing: string[] = [];
  let existing = resolve(directory);
  while (!statSync(existing, { throwIfNoEntry: false })) {
    missing.unshift(existing);
    existing = dirname(existing);
  }
  return { existing, missing };
}

function makeUnlessThere(directory: string, mode: number): void {
  try {
    mkdirSync(directory, { mode });
  } catch (error) {
    // Another one may have made it in this moment.
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${path} is not a directory`), { code, path });
}
