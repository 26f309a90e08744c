// Writes an update as an archive: the same contents give the same bytes, and
// under the final name there is a whole archive or none.

import { open, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { create } from 'tar';
import { tmpName } from 'tmp-promise';
import { KspliceError } from '../base/errors.js';
import { CHECKSUMS, formatChecksums } from './checksums.js';
import { readDirectory } from './read.js';
import { type Update, verifyUpdate } from './update.js';

/**
 * Packs a directory `ksplice-ID` that holds everything but SHA256SUMS, which is
 * written here. What `apply` would refuse is refused.
 * @param directory path of `ksplice-ID`
 * @param archive path of the `.tar.gz`; replaced if it is there
 * @throws KspliceError `bad-update`, `io`
 */
export async function writeUpdate(directory: string, archive: string): Promise<Update> {
  const { id, files } = await readDirectory(directory);
  const all = new Map(files);
  all.set(CHECKSUMS, Buffer.from(formatChecksums(all)));
  const update = verifyUpdate({ id, files: all }, path.basename(directory));
  try {
    await writeFile(path.join(directory, CHECKSUMS), all.get(CHECKSUMS) as Buffer);
    await pack(directory, [...all.keys()].sort(), new Date(update.timestamp), archive);
  } catch (error) {
    const { message } = error as Error;
    throw new KspliceError('io', `cannot write ${archive}: ${message}`, { cause: error });
  }
  return update;
}

async function pack(
  directory: string,
  files: readonly string[],
  mtime: Date,
  archive: string,
): Promise<void> {
  const name = path.basename(archive);
  // In the same directory, for a rename cannot cross file systems.
  const unfinished = await tmpName({
    tmpdir: path.dirname(path.resolve(archive)),
    prefix: `.${name}`,
  });
  try {
    await create(
      {
        file: unfinished,
        cwd: path.dirname(path.resolve(directory)),
        // The highest level takes ten times as long, and saves a hundredth.
        gzip: true,
        // No owner and no mode but the usual ones: they differ from one machine to the next.
        portable: true,
        mtime,
      },
      files.map((file) => `${path.basename(directory)}/${file}`),
    );
    const handle = await open(unfinished, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, archive);
  } finally {
    await rm(unfinished, { force: true });
  }
}
