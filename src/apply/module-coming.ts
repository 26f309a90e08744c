// The work for the core when a module is loaded that an update awaits: before any
// code of the module runs, the part of each such update is applied to it. The
// module's loader waits meanwhile, for half a minute; if the part is not in by
// then, the core does not let the module be loaded.
//
// Whoever holds the lock never waits for a loader: a run that finds a module on
// its way looks again for some seconds at most. So this gets its turn.

import type { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { type ModuleLoader, withLock } from '../host/host-lock.js';
import { readTrusted, type Trusted } from '../trust/trusted.js';
import type { Update } from '../update/update.js';
import { Applying } from './applying.js';
import { appliedChanges } from './checks.js';
import type { Engine } from './engine.js';
import { engineOf } from './engines.js';
import { Loading } from './loading.js';
import { keptDirectory, readState, removeState } from './state.js';

/** Seconds for others to let go of the lock. */
const PATIENCE = 15;
/** For a task that is in the code: nobody can be. */
const TIMEOUT_MS = 2_000;

/**
 * Applies the awaited parts of updates to a module that is being loaded, the lowest
 * update first.
 * @throws KspliceError why one of the parts is not applied; then the module cannot be loaded
 */
export async function moduleComing(module: string, host: Host, ui: Ui): Promise<void> {
  const work = async (modules: ModuleLoader) => {
    const updates = await updatesAwaiting(module, host);
    await unloadParts(updates, module, modules);
    for (const update of updates) await applyPart(update, module, host, modules, ui);
  };
  await withLock(host, work, PATIENCE);
}

/**
 * Unloads new code for a module that goes without ever having worked: it refers to
 * addresses in there.
 * @throws KspliceError `load-failed`, `busy`
 */
export async function moduleGoing(module: string, host: Host): Promise<void> {
  const work = async (modules: ModuleLoader) =>
    unloadParts(await updatesAwaiting(module, host), module, modules);
  await withLock(host, work, PATIENCE);
}

async function applyPart(
  { update, maxStopMs }: Trusted,
  module: string,
  host: Host,
  modules: ModuleLoader,
  ui: Ui,
): Promise<void> {
  const { id, contents } = update;
  const engine = engineOf(host);
  const change = contents.changes.find(({ target }) => target === module);
  if (!change) return;
  if (await wasCutOff(update, engine, host)) {
    ui.warn(`an apply of ${id} was interrupted, so the update awaits nothing any more`);
    await engine.stopExpecting(id);
    await removeState(host, id);
    return;
  }
  const state = await readState(host, id);
  const allowBusy = state?.allowBusy ?? update.allowBusy;
  const options = { timeout: TIMEOUT_MS, allowBusy, maxStopMs };
  await Loading.run(update, host, modules, (loading) =>
    new Applying(update, host, options, loading, ui).applyLate(change),
  );
}

/** Whether a part is neither applied nor awaited: what applied the update was killed before. */
async function wasCutOff(update: Update, engine: Engine, host: Host): Promise<boolean> {
  const waiting = await engine.waiting(update.id);
  const applied = await appliedChanges(update, host);
  return update.contents.changes.some(
    (change) => !applied.includes(change) && !waiting.includes(change.target),
  );
}

async function updatesAwaiting(module: string, host: Host): Promise<Trusted[]> {
  const awaited = (await engineOf(host).awaited()).filter(({ target }) => target === module);
  const updates: Trusted[] = [];
  for (const { id } of awaited) {
    updates.push(await readTrusted(keptDirectory(host, id), host.paths));
  }
  return updates;
}

/** What a run that was killed has left, or a module that did not start; the newest first. */
async function unloadParts(
  updates: readonly Trusted[],
  module: string,
  loader: ModuleLoader,
): Promise<void> {
  for (const { update } of [...updates].reverse()) {
    const change = update.contents.changes.find(({ target }) => target === module);
    for (const part of change ? [change.newCode, change.oldCode] : []) {
      await loader.unload(part.module);
    }
  }
}

/** One line for the kernel log, which is where the loader's user looks. */
export function lateMessage(module: string, { message, advice }: KspliceError): string {
  return `<3>ksplice-ts: ${module}: ${message}. ${advice}`.replaceAll('\n', ' ');
}
