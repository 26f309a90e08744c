// The updates that a new one is made on top of: what runs is the source with their
// patches, one after the other.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import type { Base } from '../../extract/templates.js';
import { readUpdate } from '../../update/read.js';
import { decodedProgramOf, type Update } from '../../update/update.js';
import { bytesOfText } from '../byte-text.js';

/**
 * Reads the updates below, and those that they are on, which are looked for beside them.
 * @param paths tarballs or directories
 * @returns each once, and after all that it is on; their patches as source is read, one byte a
 *   character
 * @throws KspliceError `io` if one is not there, `wrong-kernel`, and as readUpdate()
 */
export async function readBases(paths: readonly string[], release: string): Promise<Update[]> {
  const bases = new Map<string, Update>();
  const given = new Map<string, string>();
  for (const path of paths) given.set((await readUpdate(path)).id, path);
  const add = async (path: string): Promise<void> => {
    const update = await readUpdate(path);
    if (bases.has(update.id)) return;
    refuseOther(update, path, release);
    for (const id of update.contents.on) {
      const beside = join(dirname(path), `ksplice-${id}.tar.gz`);
      const place = given.get(id) ?? (existsSync(beside) ? beside : undefined);
      if (place === undefined) throw missing(update.id, id, beside);
      await add(place);
    }
    bases.set(update.id, { ...update, patch: bytesOfText(update.patch) });
  };
  for (const path of paths) await add(path);
  return [...bases.values()];
}

/** What the core is told of them: all their targets. */
export function basesOf(updates: readonly Update[]): Base[] {
  return updates.flatMap((update) =>
    update.contents.changes.map((change) => ({
      id: update.id,
      target: change.target,
      cookie: decodedProgramOf(update, change).cookie,
    })),
  );
}

function refuseOther(update: Update, path: string, release: string): void {
  if (update.kernel.release === release) return;
  throw new KspliceError(
    'wrong-kernel',
    `${path} is for ${update.kernel.release}, the configuration is for ${release}`,
    { advice: 'An update can only be on top of updates for the same kernel.' },
  );
}

function missing(id: string, below: string, path: string): KspliceError {
  return new KspliceError(
    'io',
    `update ${id} was made on top of update ${below}, and ${path} does not exist`,
    {
      advice: `Give that update as well: --on ksplice-${below}.tar.gz`,
    },
  );
}
