// What `package` is given: archives as `create` made them, and sets of such.

import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { KspliceError } from '../base/errors.js';
import { withSigned } from '../trust/sign-update.js';
import { isSet, readEntry, readIndex } from '../update/choose.js';
import { readUpdate } from '../update/read.js';
import type { Update } from '../update/update.js';

/** An update, and its tarball byte by byte. */
export interface ArchivedUpdate {
  readonly update: Update;
  readonly archive: Buffer;
}

/**
 * Reads an update, or all that a set has.
 * @param source a ksplice-ID.tar.gz, or a set
 * @param key signs them, if it is given
 * @throws KspliceError `usage` for an unpacked update; what readUpdate(), readIndex() and withSigned() throw
 */
export async function readArchived(source: string, key?: string): Promise<ArchivedUpdate[]> {
  if (await isSet(source)) return await readSet(source, key);
  if ((await stat(source).catch(() => undefined))?.isDirectory()) {
    throw new KspliceError('usage', `${source} is a directory, and no set`, {
      advice: 'Give the ksplice-ID.tar.gz that `create` made: the package carries it as it is.',
    });
  }
  return [await readOne(source, key)];
}

async function readOne(file: string, key?: string, sha256?: string): Promise<ArchivedUpdate> {
  const update = await readUpdate(file, sha256);
  if (key !== undefined) return withSigned(file, key, (signed) => readOne(signed));
  return { update, archive: readFileSync(file) };
}

async function readSet(set: string, key?: string): Promise<ArchivedUpdate[]> {
  const all: ArchivedUpdate[] = [];
  for (const entry of (await readIndex(set)).updates) {
    // As a host with that kernel reads it.
    all.push(await readEntry(set, entry, (file, sha256) => readOne(file, key, sha256)));
  }
  return all;
}
