// Remembering that an update hurts, and forgetting it.

import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { exists, type Host } from '../host/host.js';
import { withInstalledLock } from '../host/host-lock.js';
import { cannotWrite, privateDirectory } from '../host/private-directory.js';
import { fatalWatch } from '../host/watched.js';
import { type Withdrawn, withdrawn, withdrawnDirectory } from '../host/withdrawn.js';
import { removeDurably, replaceDurably } from './durable.js';
import { requireRoot } from './install.js';
import { Store } from './store.js';
import { endWatch } from './watch-files.js';

/**
 * Remembers on the disk that an update is withdrawn.
 * @throws KspliceError `io`
 */
export async function rememberWithdrawn(host: Host, record: Withdrawn): Promise<void> {
  await privateDirectory(host.paths.installed);
  const file = path.join(await privateDirectory(withdrawnDirectory(host)), `${record.id}.json`);
  try {
    await replaceDurably(file, `${JSON.stringify(record)}\n`);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

/**
 * Lets a withdrawn update, or one that crashed a boot, be applied again.
 * @throws KspliceError `not-root`, `not-withdrawn`, `busy`, `io`
 */
export async function clearUpdate(id: string, host: Host): Promise<void> {
  requireRoot(host, 'clear updates');
  await withInstalledLock(host, async () => {
    const store = await Store.open(host);
    const crashed = (await store.crash(host, id)) !== undefined;
    const record = await withdrawn(host, id);
    if (!crashed && !record) {
      throw new KspliceError('not-withdrawn', `update ${id} is not withdrawn, and crashed no boot`);
    }
    if (crashed) await store.forgetCrash(id);
    if (record) await forgetWithdrawn(id, host);
  });
}

async function forgetWithdrawn(id: string, host: Host): Promise<void> {
  const directory = withdrawnDirectory(host);
  if (await exists(directory)) await removeDurably(path.join(directory, `${id}.json`));
  if (await fatalWatch(host, id)) await endWatch(host, id);
}
