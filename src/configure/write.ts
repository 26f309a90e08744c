// Writes a configuration directory. What a user put there is kept: `flags`,
// and anything that is not ours; a file where a link of ours belongs is not
// replaced but refused.

import { lstatSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from '../base/directories.js';
import { KspliceError } from '../base/errors.js';

export interface ConfdirContents {
  readonly systemMap: string;
  readonly config: string;
  /** Where each link leads; undefined: no link, and one that is there goes. */
  readonly links: Readonly<Record<'build' | 'source' | 'image', string | undefined>>;
}

/** @throws KspliceError `bad-confdir` if something of the user's is in the way, `io` */
export function writeConfdir(dir: string, contents: ConfdirContents): void {
  try {
    makeDirectories(dir);
    for (const name of Object.keys(contents.links)) refuseOther(dir, name);
    replace(join(dir, 'System.map'), (path) => writeFileSync(path, contents.systemMap));
    replace(join(dir, '.config'), (path) => writeFileSync(path, contents.config));
    for (const [name, target] of Object.entries(contents.links)) {
      const path = join(dir, name);
      if (target === undefined) rmSync(path, { force: true });
      else replace(path, (temporary) => symlinkSync(target, temporary));
    }
    const flags = join(dir, 'flags');
    if (!lstatSync(flags, { throwIfNoEntry: false })) writeFileSync(flags, '');
  } catch (cause) {
    if (cause instanceof KspliceError) throw cause;
    throw new KspliceError('io', `cannot write ${dir}: ${(cause as Error).message}`, { cause });
  }
}

function refuseOther(dir: string, name: string): void {
  const stat = lstatSync(join(dir, name), { throwIfNoEntry: false });
  if (!stat || stat.isSymbolicLink()) return;
  throw new KspliceError('bad-confdir', `${join(dir, name)} is there and is not a link`, {
    advice: 'Move it away, or configure another directory.',
  });
}

/** Never half a file: the new one is made beside the old and takes its name. */
function replace(path: string, make: (temporary: string) => void): void {
  const temporary = `${path}.new-${process.pid}`;
  try {
    make(temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}
