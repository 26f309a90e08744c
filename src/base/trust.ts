// Files that must be ours alone: who else can write there decides what we build, load or run.

import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { makeDirectories } from './directories.js';
import { KspliceError } from './errors.js';

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
/** Only its owner removes or renames a file in such a directory. */
const STICKY = 0o1000;

/**
 * Makes a directory for caches, or checks that nobody else can write to the one that is there.
 * The compiled code goes into the kernel, and kbuild runs programs that it finds in its tree.
 * @throws KspliceError `writable-by-others`, `io`
 */
export function requireOwnDirectory(directory: string): void {
  try {
    makeDirectories(directory, 0o700);
  } catch (error) {
    const { message } = error as Error;
    throw new KspliceError('io', `cannot make ${directory}: ${message}`, { cause: error });
  }
  const { uid, gid, mode } = statSync(directory);
  const isGroups = (mode & GROUP_WRITES) !== 0 && gid !== process.getegid?.();
  const fault =
    uid !== process.geteuid?.()
      ? `belongs to another user (${uid})`
      : (mode & OTHERS_WRITE) !== 0 || isGroups
        ? 'can be written to by others'
        : undefined;
  if (fault === undefined) return;
  throw new KspliceError('writable-by-others', `the cache directory ${directory} ${fault}`, {
    advice:
      'Whoever can write to it decides what is compiled. Name a directory of your own with KSPLICE_CACHE=DIR.',
  });
}

/** What of this program is not root's alone. */
export interface Exposed {
  readonly file: string;
  readonly why: string;
}

/**
 * Looks for the first file or directory, of those given and all above them, that others than root can change.
 * @param below what is in these directories is looked at as well
 * @param owner a user who counts like root
 */
export function exposedFile(
  files: readonly string[],
  below: readonly string[],
  owner = 0,
): Exposed | undefined {
  const seen = new Set<string>();
  for (const file of [...files, ...below]) {
    for (const place of withAbove(realpathSync(file))) {
      if (seen.has(place)) continue;
      seen.add(place);
      const why = whyExposed(lstatSync(place), owner);
      if (why) return { file: place, why };
    }
  }
  for (const directory of below) {
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(directory, name);
      const why = whyExposed(lstatSync(file), owner);
      if (why) return { file, why };
    }
  }
  return undefined;
}

function whyExposed(status: Stats, owner: number): string | undefined {
  const { uid, gid, mode } = status;
  if (uid !== 0 && uid !== owner) return `belongs to user ${uid}`;
  if (status.isSymbolicLink()) return undefined;
  if (status.isDirectory() && (mode & STICKY) !== 0) return undefined;
  const group = (mode & GROUP_WRITES) !== 0 && gid !== 0;
  return group || (mode & OTHERS_WRITE) !== 0 ? 'can be written to by others' : undefined;
}

/** A path and the directories above it. */
function withAbove(file: string): string[] {
  const above = path.dirname(file);
  return above === file ? [file] : [file, ...withAbove(above)];
}
