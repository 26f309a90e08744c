// Taking an update back: the old code runs again, and everything that belongs
// to the update is unloaded, the core as well if nothing else needs it.

import { KspliceError, problemsError } from '../base/errors.js';
import { stopIfInterrupted } from '../base/interruption.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { type ModuleLoader, withLock } from '../host/host-lock.js';
import { areModulesDisabled, requirePermission, rightsProblems } from '../host/rights.js';
import type { AddressOut } from '../update/addresses-out.js';
import type { Engine, SwitchOptions, Timing } from './engine.js';
import { engineOf } from './engines.js';
import { afterInterruption } from './interrupted.js';
import { readState, removeState } from './state.js';

export interface Undone {
  readonly id: string;
  /** False if all that could be undone had been before. */
  readonly changed: boolean;
  /** Of the attempt that succeeded; empty if the update was not applied, only loaded. */
  readonly timing: Timing;
  /** Of the last attempts, the latest first. */
  readonly timings: readonly Timing[];
  readonly attempts: number;
  readonly coreUnloaded: boolean;
  /** ftrace has stopped itself and still refers to the core, which stays until the next boot. */
  readonly coreKept: boolean;
  /** Modules of the update that stay until the next boot. */
  readonly stayLoaded: readonly string[];
  /** Why they do: this kernel unloads none any more, or others may have addresses of new code. */
  readonly because: 'modules-disabled' | 'addresses-out' | null;
  /** Which those are, if that is why. */
  readonly addressesOut: readonly AddressOut[];
}

export interface UndoOptions extends SwitchOptions {
  /** Unload new code though others may have addresses of it. */
  readonly dangling?: boolean;
}

/**
 * Takes an update back.
 * @throws KspliceError `not-applied`, `busy` and other abort causes; then it
 *   stays applied, unless the message says that the old code is back
 */
export async function undoUpdate(
  id: string,
  host: Host,
  options: UndoOptions,
  ui: Ui,
): Promise<Undone> {
  const problems = await rightsProblems(host);
  if (problems.length > 0) {
    throw problemsError('checks-failed', `update ${id} cannot be undone`, problems);
  }
  return withLock(host, async (modules) => {
    try {
      return await undoLocked(id, host, modules, options, ui);
    } catch (error) {
      throw ui.signal.aborted ? await afterInterruption(id, host, 'undo', error) : error;
    }
  });
}

/** The same, for who has the host's lock. */
export async function undoLocked(
  id: string,
  host: Host,
  modules: ModuleLoader,
  options: UndoOptions,
  ui: Ui,
): Promise<Undone> {
  const engine = engineOf(host);
  const stage = await engine.stage(id);
  const waiting = await engine.waiting(id);
  if (stage === undefined && waiting.length === 0 && (await engine.modulesOf(id)).length === 0) {
    throw await notApplied(id, engine);
  }
  if (stage === undefined) await refuseBelowOthers(id, engine, host);
  let timings: Timing[] = [];
  let attempts = 0;
  const isIn = stage === 'applied' || stage === 'leaving';
  if (isIn) {
    stopIfInterrupted(ui.signal);
    if (options.dangling)
      requirePermission(`release the new code of ${id}`, await engine.letGo(id));
    else if (stage === 'applied')
      requirePermission(`keep the new code of ${id}`, await engine.holdBack(id));
    ui.stage(
      stage === 'applied'
        ? 'switching back to the old code'
        : 'waiting until all tasks have left the new code',
    );
    attempts = await engine.switchTo(id, 'reversed', options, ui);
    timings = await engine.timings(id);
  }
  requirePermission(`end what ${id} awaits`, await engine.stopExpecting(id));
  const [timing = {}] = timings;
  const figures = { timing, timings, attempts, coreUnloaded: false, coreKept: false };
  if (isIn && (await engine.stage(id)) === 'leaving') {
    const stayLoaded = await engine.modulesOf(id);
    const { addressesOut = [] } = (await readState(host, id)) ?? {};
    const changed = stage === 'applied';
    return { id, changed, ...figures, stayLoaded, because: 'addresses-out', addressesOut };
  }
  // The kernel forbids only to unload. What is remembered is for `view`.
  if (await areModulesDisabled(host)) {
    const stayLoaded = await engine.modulesOf(id);
    const changed = isIn || waiting.length > 0;
    return { id, changed, ...figures, stayLoaded, because: 'modules-disabled', addressesOut: [] };
  }
  ui.stage('unloading');
  // First, so that whoever kills us later leaves nothing but modules, which the next call sees.
  await removeState(host, id);
  const coreUnloaded = await unloadAll(id, engine, modules);
  const coreKept = !coreUnloaded && (await engine.isKept());
  const nothing = { stayLoaded: [], because: null, addressesOut: [] };
  return { id, changed: true, ...figures, coreUnloaded, coreKept, ...nothing };
}

/** If an update only waits, the core does not know which updates were made on top of it. */
async function refuseBelowOthers(id: string, engine: Engine, host: Host): Promise<void> {
  for (const other of await engine.ids()) {
    const on = [...(await engine.on(other)), ...((await readState(host, other))?.on ?? [])];
    if (!on.includes(id)) continue;
    throw new KspliceError('stacked', `update ${id} cannot be undone: ${other} is on top of it`, {
      advice: `\`ksplice-ts undo ${other}\` first.`,
    });
  }
}

async function unloadAll(id: string, engine: Engine, loader: ModuleLoader): Promise<boolean> {
  try {
    for (const module of await engine.modulesOf(id)) await loader.unload(module);
    if ((await engine.isUsed()) || (await engine.isKept())) return false;
    await loader.unload(engine.module);
    return true;
  } catch (error) {
    const { message, advice } = error as KspliceError;
    throw new KspliceError('load-failed', `the old code of ${id} runs again, but ${message}`, {
      advice: `${advice} The kernel log may say why. Then call \`ksplice-ts undo ${id}\` once more.`,
      cause: error,
    });
  }
}

async function notApplied(id: string, engine: Engine): Promise<KspliceError> {
  const others = await engine.ids();
  return new KspliceError('not-applied', `there is no update ${id} in this kernel`, {
    advice:
      others.length > 0 ? `Applied updates: ${others.join(', ')}.` : 'No update is applied at all.',
    details: { updates: others },
  });
}
