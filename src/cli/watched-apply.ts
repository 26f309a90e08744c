// `apply --watch`: what is around the apply.

import { isInForce } from '../apply/in-force.js';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { withdrawn } from '../host/withdrawn.js';
import { awaitVerdict } from '../install/await-verdict.js';
import { requireOwnTool, requireSeenByKernel } from '../install/own-program.js';
import { startWatch, type WatchOptions } from '../install/start-watch.js';
import { endWatch } from '../install/watch-files.js';

/**
 * Applies an update while it is watched, and returns when the watch is over.
 * @throws KspliceError what `apply` throws; `withdrawn` if it was taken back; `not-applied` if others
 *   took it back; `interrupted` if the watch ended too early, or goes on without us
 */
export async function applyWatched<T>(
  id: string,
  options: WatchOptions,
  apply: () => Promise<T>,
  host: Host,
  ui: Ui,
): Promise<T> {
  requireOwnTool();
  if (await host.runsSystemd()) await requireSeenByKernel(host);
  ui.stage('starting the watch');
  await startWatch(id, host, options);
  let applied: T;
  try {
    applied = await apply();
  } catch (error) {
    // What fails after the switch leaves it applied, and so watched.
    if (!(await isInForce(id, host))) await endWatch(host, id);
    throw error;
  }
  ui.stage('watching (this goes on without this terminal)');
  await requireGood(id, host, ui);
  return applied;
}

async function requireGood(id: string, host: Host, ui: Ui): Promise<void> {
  const { outcome, message } = await awaitVerdict(id, host, ui);
  switch (outcome) {
    case 'good':
      return;
    case 'withdrawn': {
      const record = await withdrawn(host, id);
      throw new KspliceError('withdrawn', `update ${id} was withdrawn: ${message}`, {
        advice: `No command applies it again, until \`ksplice-ts clear ${id}\`.`,
        details: { id, reason: record?.reason ?? null, remains: record?.remains ?? null },
      });
    }
    case 'gone':
      throw new KspliceError('not-applied', `while it was watched, others took back ${id}`);
    case 'ended':
      throw new KspliceError('interrupted', `${message}; ${id} stays applied`);
  }
}
