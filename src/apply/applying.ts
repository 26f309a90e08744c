// One run of apply: loads the modules of some targets, has the core switch to the
// new code, and await the targets that are not loaded. Whatever fails is taken
// back.

import { setTimeout as pause } from 'node:timers/promises';
import { KspliceError } from '../base/errors.js';
import { stopIfInterrupted } from '../base/interruption.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import type { ModuleLoader } from '../host/host-lock.js';
import { requirePermission } from '../host/rights.js';
import type { Trust } from '../trust/trust.js';
import type { TargetChange } from '../update/contents.js';
import type { Update } from '../update/update.js';
import { refusal } from './abort-error.js';
import { type Applied, describeApplied } from './applied.js';
import { keepMessages } from './debug-messages.js';
import type { Engine, SwitchOptions } from './engine.js';
import { engineOf } from './engines.js';
import type { Loading } from './loading.js';
import { busyNamesOf, byPresence } from './presence.js';
import { type Going, NOBODY } from './replacing.js';
import { removeState, saveState } from './state.js';
import { allowToBeBusy, haveGiveWay, limitStop } from './tell-engine.js';

/** How often, and after which pauses, it is looked whether a module that comes just now has come. */
const COMING_TRIES = 25;
const COMING_PAUSE_MS = 200;

export interface ApplyOptions extends SwitchOptions {
  /** Do everything but the switch, and unload again. */
  readonly dryRun?: boolean;
  /** Functions that may be busy, besides those that the update names. */
  readonly allowBusy?: readonly string[];
  /**
   * Apply to what is loaded, and to the rest when it is: then the core calls this
   * program with these words, "coming" or "going", and the module's name.
   */
  readonly partial?: readonly string[] | undefined;
  /** Take the place of the updates that this one supersedes, or of all, in one stop. */
  readonly replace?: boolean;
  /** Who made the update, to be remembered with it. */
  readonly trust?: Trust | undefined;
  /** For how long the switch may stop the machine, in milliseconds. */
  readonly maxStopMs?: number | undefined;
}

/** What a run has found out before it begins. */
interface Prepared {
  readonly allowBusy: readonly string[];
  /** What gives way. */
  readonly going?: Going;
}

/** One run, with the lock held. */
export class Applying {
  private readonly engine: Engine;
  private readonly going: Going;
  private switched = false;

  constructor(
    private readonly update: Update,
    private readonly host: Host,
    private readonly options: ApplyOptions & Prepared,
    private readonly loading: Loading,
    private readonly ui: Ui,
  ) {
    this.engine = engineOf(host);
    this.going = options.going ?? NOBODY;
  }

  /**
   * Applies the update to those of these targets that are loaded, and has the core await the
   * others.
   */
  async apply(left: readonly TargetChange[]): Promise<Applied> {
    const { engine } = this;
    const { id } = this.update;
    const waiting = await engine.waiting(id);
    try {
      await this.loadCore();
      const now = this.options.partial ? await this.awaitRest(left, this.options.partial) : left;
      const save = this.options.partial === undefined;
      const attempts = now.length > 0 ? await this.loadAndSwitch(now, save) : 0;
      const more = (await engine.waiting(id)).some((target) => !waiting.includes(target));
      const { going } = this;
      const replaced = [...going.applied, ...going.waiting];
      return await describeApplied(id, engine, attempts, attempts > 0 || more, replaced);
    } catch (error) {
      // Between the switch and here nothing can be taken back.
      if (this.switched) throw error;
      throw await this.afterCleanUp(waiting, error);
    }
  }

  /** Applies a part that comes later. The module's loader waits for it. */
  async applyLate(change: TargetChange): Promise<void> {
    try {
      await this.loadToSwitch([change]);
      await this.switchTo([change], false);
    } catch (error) {
      const left = this.switched ? [] : await this.loading.unloadAll();
      if (left.length === 0) throw error;
      const first = error instanceof Error ? error.message : String(error);
      const message = `${first}; and after that: ${left.join('; ')}`;
      throw new KspliceError('load-failed', message, { details: { left }, cause: error });
    }
  }

  /** Has the core look whether the switch could be made now, and unloads everything. */
  async tryOut(left: readonly TargetChange[]): Promise<Applied> {
    const { engine, options, ui } = this;
    const { id } = this.update;
    const waiting = await engine.waiting(id);
    try {
      const { now } = await byPresence(left, this.host);
      await this.loadCore();
      const names = busyNamesOf(this.update, now, options.allowBusy);
      if (now.length > 0) await this.loadCode(now, names);
      ui.stage('checking whether the code is in use');
      const attempts = now.length > 0 ? await engine.switchTo(id, 'try', options, ui) : 0;
      const [allowBusy, timings] = await Promise.all([engine.allowBusy(id), engine.timings(id)]);
      const notUnloaded = await this.loading.unloadAll();
      if (notUnloaded.length > 0) throw stillLoaded(id, notUnloaded);
      const [timing = {}] = timings;
      const figures = { allowBusy, replaced: this.going.applied, timing, timings, attempts };
      return { id, changed: false, stage: undefined, waiting, functions: [], ...figures };
    } catch (error) {
      throw await this.afterCleanUp(waiting, error);
    }
  }

  private async loadCore(): Promise<void> {
    stopIfInterrupted(this.ui.signal);
    if (await this.host.isLoaded(this.engine.module)) return;
    this.ui.stage('loading the core');
    await this.loading.load(this.update.contents.core);
  }

  /** Has the core await the targets that are not loaded, and returns the others. */
  private async awaitRest(
    left: readonly TargetChange[],
    helper: readonly string[],
  ): Promise<TargetChange[]> {
    for (let tries = COMING_TRIES; ; tries--) {
      stopIfInterrupted(this.ui.signal);
      const { now, later } = await byPresence(left, this.host);
      // The helper takes it from there.
      await saveState(this.host, this.update, this.options, later.length > 0);
      const coming = await this.expectAll(later, helper);
      if (coming === undefined) return now;
      // It comes just now, and came past the core before this knew of it.
      if (tries === 0) throw isComing(coming);
      await pause(COMING_PAUSE_MS);
    }
  }

  /** Returns one that cannot be awaited any more. */
  private async expectAll(
    later: readonly TargetChange[],
    helper: readonly string[],
  ): Promise<string | undefined> {
    for (const { target } of later) {
      const errno = await this.engine.expect({ id: this.update.id, target }, helper);
      if (errno === 'EBUSY') return target;
      requirePermission(`have the core await ${target}`, errno);
      if (errno !== undefined) {
        throw new KspliceError('aborted', `the core does not await ${target}: ${errno}`, {
          advice: `The core may belong to an older ksplice-ts, or it awaits too many modules: see /sys/kernel/ksplice/awaited.`,
        });
      }
    }
    return undefined;
  }

  /** Loads the code of these targets and has it switched to. */
  private async loadAndSwitch(now: readonly TargetChange[], save: boolean): Promise<number> {
    await this.loadToSwitch(now);
    // Of a module that comes just now, no message is on yet.
    await keepMessages(now, this.host, this.ui);
    return this.switchTo(now, save);
  }

  private async loadToSwitch(now: readonly TargetChange[]): Promise<void> {
    const first = (await this.engine.stage(this.update.id)) !== 'applied';
    await this.loadCode(now, first ? this.options.allowBusy : []);
  }

  private async switchTo(now: readonly TargetChange[], save: boolean): Promise<number> {
    const { update, host, engine, options, ui } = this;
    if (save) await saveState(host, update, options, false);
    stopIfInterrupted(ui.signal);
    ui.stage('switching to the new code');
    const attempts = await engine.switchTo(update.id, 'applied', options, ui);
    this.switched = true;
    await unloadOldCode(now, this.loading.loader, ui);
    return attempts;
  }

  private async loadCode(
    now: readonly TargetChange[],
    allowBusy: readonly string[],
  ): Promise<void> {
    const { engine, loading, ui } = this;
    const { id } = this.update;
    for (const { target, oldCode } of now) {
      stopIfInterrupted(ui.signal);
      ui.stage(`comparing the running code of ${target}`);
      await loading.load(oldCode);
    }
    // Old code is compared again when it is known what will have gone.
    const compared = await haveGiveWay(id, engine, this.going.applied);
    if (compared) await throwUnlessMatched(id, engine);
    for (const { target, newCode } of now) {
      stopIfInterrupted(ui.signal);
      ui.stage(`loading the new code of ${target}`);
      await loading.load(newCode);
    }
    if (compared) await throwUnlessMatched(id, engine);
    await allowToBeBusy(id, engine, allowBusy);
    await limitStop(id, engine, this.options.maxStopMs);
  }

  /** Puts back what was done so far; the error to throw is the given one, or says what is left. */
  private async afterCleanUp(waiting: readonly string[], error: unknown): Promise<unknown> {
    const { host, engine } = this;
    const { id } = this.update;
    await engine.stopExpecting(id, waiting);
    const left = await this.loading.unloadAll();
    const isApplied = (await engine.stage(id)) === 'applied';
    if (waiting.length === 0 && !isApplied) await removeState(host, id);
    if (left.length === 0) return error;
    const first = error instanceof Error ? error.message : String(error);
    const code =
      error instanceof KspliceError && error.code === 'interrupted' ? error.code : 'load-failed';
    const advice = isApplied
      ? `The parts of ${id} that were applied before stay applied. Another apply unloads what is left.`
      : `The old code runs. \`ksplice-ts undo ${id}\` unloads what is left.`;
    return new KspliceError(code, `${first}; and after that: ${left.join('; ')}`, {
      advice,
      details: { left },
      cause: error,
    });
  }
}

function isComing(target: string): KspliceError {
  const message = `module ${target}, which the update changes, is being loaded or unloaded`;
  return new KspliceError('target-not-loaded', message, {
    advice: 'Try again when this has ended.',
  });
}

function stillLoaded(id: string, left: readonly string[]): KspliceError {
  return new KspliceError('load-failed', `nothing was switched, but ${left.join('; ')}`, {
    advice: `\`ksplice-ts undo ${id}\` unloads what is left.`,
    details: { left },
  });
}

async function throwUnlessMatched(id: string, engine: Engine): Promise<void> {
  const cause = await engine.abortCause(id);
  if (cause !== 'ok') throw await refusal(id, engine, 'apply', cause ?? 'unexpected');
}

/** The switch is made: from here on nothing fails the whole. */
async function unloadOldCode(
  changes: readonly TargetChange[],
  loader: ModuleLoader,
  ui: Ui,
): Promise<void> {
  for (const { oldCode } of [...changes].reverse()) {
    await loader.unload(oldCode.module).catch((error: Error) => {
      ui.warn(`the update is applied, but ${error.message}`);
    });
  }
}
