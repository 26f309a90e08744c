// Files that have to be there, or gone, after a crash of the machine: each step
// is on the disk before the next one is made.

import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** Makes a new file, on the disk when this returns. Follows no link. */
export async function writeNewDurably(
  file: string,
  data: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const handle = await open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes or replaces a file: after a crash it has the old contents or the new. */
export async function replaceDurably(file: string, data: string, mode = 0o600): Promise<void> {
  const unfinished = path.join(path.dirname(file), `.${path.basename(file)}`);
  await rm(unfinished, { force: true });
  await writeNewDurably(unfinished, data, mode);
  await renameDurably(unfinished, file);
}

/** Renames within a directory. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(path.dirname(to));
}

/** Removes a file, or a directory with all that is in it; it may be absent. */
export async function removeDurably(place: string): Promise<void> {
  await rm(place, { recursive: true, force: true });
  await syncDirectory(path.dirname(place));
}

/** Puts a directory's names on the disk. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
