// Signs an update that is made: its archive gets the signature as one file more.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  return unpackSigned(archive, key, async (directory, id) => {
    await writeUpdate(directory, archive);
    return id;
  });
}

/**
 * Makes a signed copy of an update.
 * @param use called with its archive, which is gone afterwards
 * @throws KspliceError as signUpdate()
 */
export async function withSigned<T>(
  archive: string,
  key: string,
  use: (signed: string) => Promise<T>,
): Promise<T> {
  return unpackSigned(archive, key, async (directory) => {
    const signed = `${directory}.tar.gz`;
    await writeUpdate(directory, signed);
    return use(signed);
  });
}

/** The files of an update with its signature, as writeUpdate() takes them. */
async function unpackSigned<T>(
  archive: string,
  key: string,
  use: (directory: string, id: string) => Promise<T>,
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
    return await use(directory, id);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
