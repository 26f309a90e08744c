// Signs an update that is made: the archive is replaced by one that also has the signature.

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
    await writeUpdate(directory, archive);
    return id;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
