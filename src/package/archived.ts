// What `package` is given: archives as `create` made them, and sets of such.

import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { chooseUpdate, isSet, readIndex } from '../update/choose.js';
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
 * @throws KspliceError `usage` for an unpacked update; what readUpdate() and readIndex() throw
 */
export async function readArchived(source: string): Promise<ArchivedUpdate[]> {
  if (await isSet(source)) return await readSet(source);
  if ((await stat(source).catch(() => undefined))?.isDirectory()) {
    throw new KspliceError('usage', `${source} is a directory, and no set`, {
      advice: 'Give the ksplice-ID.tar.gz that `create` made: the package carries it as it is.',
    });
  }
  const update = await readUpdate(source);
  return [{ update, archive: readFileSync(source) }];
}

async function readSet(set: string): Promise<ArchivedUpdate[]> {
  const all: ArchivedUpdate[] = [];
  for (const entry of (await readIndex(set)).updates) {
    // As a host with that kernel reads it.
    const { found } = await chooseUpdate(set, entry, read);
    if (found)
      all.push({ update: found.update, archive: readFileSync(path.join(set, entry.file)) });
  }
  return all;
}

const read = async (source: string, sha256: string | undefined) => ({
  update: await readUpdate(source, sha256),
});
