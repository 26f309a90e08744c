// Signs an update that is made: its archive gets the signature as one file more.

import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { CHECKSUMS, SIGNATURE } from '../update/checksums.js';
import { readUpdate } from '../update/read.js';
import { writeUpdate } from '../update/write.js';
import { signText } from './signature.js';

/**
 * Signs the checksums of an update. A signature that is there is replaced.
 * @param archive path of the `.tar.gz`; replaced by the signed one
 * @param key as for signText()
 * @returns the update's id
 * @throws KspliceError `command-failed`, `missing-tool`, and as readUpdate() and writeUpdate()
 */
export async function signUpdate(archive: string, key: string): Promise<string> {
  return withSigned(archive, key, async (signed, id) => {
    // In the same directory, for a rename cannot cross file systems.
    const unfinished = `${archive}.${process.pid}`;
    try {
      await copyFile(signed, unfinished);
      await rename(unfinished, archive);
    } catch (error) {
      await rm(unfinished, { force: true });
      const { message } = error as Error;
      throw new KspliceError('io', `cannot write ${archive}: ${message}`, { cause: error });
    }
    return id;
  });
}

/**
 * Makes a signed copy of an update.
 * @param use called with its archive, which is gone afterwards, and the update's id
 * @throws KspliceError as signUpdate()
 */
export async function withSigned<T>(
  archive: string,
  key: string,
  use: (signed: string, id: string) => Promise<T>,
): Promise<T> {
  if (!archive.endsWith('.tar.gz')) {
    throw new KspliceError('usage', `${archive} is not a .tar.gz`, {
      advice: 'Sign the archive that `ksplice-ts create` made.',
    });
  }
  const { id, files } = await readUpdate(archive);
  const scratch = await mkdtemp(path.join(tmpdir(), 'ksplice-sign-'));
  try {
    const signature = await signText(files.get(CHECKSUMS) as Buffer, key, scratch);
    const directory = path.join(scratch, `ksplice-${id}`);
    for (const [name, data] of new Map(files).set(SIGNATURE, signature)) {
      if (name === CHECKSUMS) continue;
      const file = path.join(directory, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, data);
    }
    const signed = path.join(scratch, `ksplice-${id}.tar.gz`);
    await writeUpdate(directory, signed);
    return await use(signed, id);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
