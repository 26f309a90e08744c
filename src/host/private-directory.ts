// Directories below /run and /var/lib that are root's alone.

import { lstat, mkdir } from 'node:fs/promises';
import { KspliceError } from '../base/errors.js';

/** What the names of directories with modules on their way begin with. */
export const LOAD_PREFIX = 'load-';

/**
 * Makes a directory that only its owner can look into, or checks that it is one.
 * @throws KspliceError `io` if something else has its name
 */
export async function privateDirectory(directory: string): Promise<string> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(directory, error);
  }
  const status = await lstat(directory);
  if (!status.isDirectory() || status.uid !== process.geteuid?.() || (status.mode & 0o077) !== 0) {
    throw new KspliceError('io', `${directory} is not a directory that only root can write to`, {
      advice: 'Another program made it. Look into it, then remove it.',
    });
  }
  return directory;
}

export function cannotWrite(place: string, error: unknown): KspliceError {
  return new KspliceError('io', `cannot write ${place}: ${(error as Error).message}`, {
    cause: error,
  });
}
