// Taking an update back: the old code runs again, and everything that belongs
// to the update is unloaded, the core as well if nothing else needs it.

import { KspliceError, problemsError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { AddressOut } from '../update/addresses-out.js';
import { CORE_MODULE } from '../update/contents.js';
import { Core, type Timing } from './core.js';
import type { Host } from './host.js';
import { afterInterruption, stopIfInterrupted } from './interrupted.js';
import { withLock } from './lock.js';
import { areModulesDisabled, requirePermission, rightsProblems } from './rights.js';
import { readState, removeState } from './state.js';
import { type SwitchOptions, switchStage } from './switching.js';

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
  return withLock(host, async () => {
    try {
      return await undo(id, host, options, ui);
    } catch (error) {
      throw ui.signal.aborted ? await afterInterruption(id, host, 'undo', error) : error;
    }
  });
}

async function undo(id: string, host: Host, options: UndoOptions, ui: Ui): Promise<Undone> {
  const core = new Core(host);
  const stage = await core.stage(id);
  const waiting = await core.waiting(id);
  if (stage === undefined && waiting.length === 0 && (await core.modulesOf(id)).length === 0) {
    throw await notApplied(id, core);
  }
  if (stage === undefined) await refuseBelowOthers(id, core, host);
  let timings: Timing[] = [];
  let attempts = 0;
  const isIn = stage === 'applied' || stage === 'leaving';
  if (isIn) {
    stopIfInterrupted(ui.signal);
    if (options.dangling) requirePermission(`let the new code of ${id} go`, await core.letGo(id));
    ui.stage(
      stage === 'applied' ? 'switching back to the old code' : 'waiting until the new code is left',
    );
    attempts = await switchStage(id, core, 'reversed', options, ui);
    timings = await core.timings(id);
  }
  requirePermission(`end what ${id} awaits`, await core.stopAwaiting(id));
  const [timing = {}] = timings;
  const figures = { timing, timings, attempts, coreUnloaded: false, coreKept: false };
  if (isIn && (await core.stage(id)) === 'leaving') {
    const stayLoaded = await core.modulesOf(id);
    const { addressesOut = [] } = (await readState(host, id)) ?? {};
    const changed = stage === 'applied';
    return { id, changed, ...figures, stayLoaded, because: 'addresses-out', addressesOut };
  }
  // The kernel forbids only to unload. What is remembered is for `view`.
  if (await areModulesDisabled(host)) {
    const stayLoaded = await core.modulesOf(id);
    const changed = isIn || waiting.length > 0;
    return { id, changed, ...figures, stayLoaded, because: 'modules-disabled', addressesOut: [] };
  }
  ui.stage('unloading');
  // First, so that whoever kills us later leaves nothing but modules, which the next call sees.
  await removeState(host, id);
  const coreUnloaded = await unloadAll(id, core, host);
  const coreKept = !coreUnloaded && (await core.isKept());
  const nothing = { stayLoaded: [], because: null, addressesOut: [] };
  return { id, changed: true, ...figures, coreUnloaded, coreKept, ...nothing };
}

/** Of an update that only waits the core does not know what was made on top of it. */
async function refuseBelowOthers(id: string, core: Core, host: Host): Promise<void> {
  for (const other of await core.ids()) {
    const on = [...(await core.on(other)), ...((await readState(host, other))?.on ?? [])];
    if (!on.includes(id)) continue;
    throw new KspliceError('stacked', `update ${id} cannot be undone: ${other} is on top of it`, {
      advice: `\`ksplice-ts undo ${other}\` first.`,
    });
  }
}

async function unloadAll(id: string, core: Core, host: Host): Promise<boolean> {
  try {
    for (const module of await core.modulesOf(id)) await host.unload(module);
    if ((await core.isUsed()) || (await core.isKept())) return false;
    await host.unload(CORE_MODULE);
    return true;
  } catch (error) {
    const { message, advice } = error as KspliceError;
    throw new KspliceError('load-failed', `the old code of ${id} runs again, but ${message}`, {
      advice: `${advice} The kernel log may say why. Then call \`ksplice-ts undo ${id}\` once more.`,
      cause: error,
    });
  }
}

async function notApplied(id: string, core: Core): Promise<KspliceError> {
  const others = await core.ids();
  return new KspliceError('not-applied', `there is no update ${id} in this kernel`, {
    advice:
      others.length > 0 ? `Applied updates: ${others.join(', ')}.` : 'No update is applied at all.',
    details: { updates: others },
  });
}
