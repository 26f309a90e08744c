// Applying an update. Whatever fails, the kernel is as it was and nothing is
// left loaded; once the core has switched, the update is in.

import { setTimeout as pause } from 'node:timers/promises';
import { KspliceError, problemsError } from '../errors.js';
import { busyProblems } from '../inspect/allow-busy.js';
import { decodeProgram } from '../program/decode.js';
import type { Ui } from '../ui.js';
import { CORE_MODULE } from '../update/contents.js';
import { programOf, type Update } from '../update/update.js';
import { refusal } from './abort-error.js';
import { applyProblems, isApplied, stopIfInterrupted } from './checks.js';
import { Core, type ReplacedFunction, type Timing } from './core.js';
import type { Host } from './host.js';
import { Loading } from './loading.js';
import { withLock } from './lock.js';
import { removeState, saveState } from './state.js';

export interface SwitchOptions {
  /** For how long a switch that finds the code in use is tried again, in milliseconds. */
  readonly timeout: number;
}

export interface ApplyOptions extends SwitchOptions {
  /** Do everything but the switch, and unload again. */
  readonly dryRun?: boolean;
  /** Functions that may be busy, besides those that the update names. */
  readonly allowBusy?: readonly string[];
}

export interface Applied {
  readonly id: string;
  /** False if the update was applied before, and for a dry run. */
  readonly changed: boolean;
  /** Of the update now; undefined after a dry run, which leaves nothing of it. */
  readonly stage: 'applied' | undefined;
  readonly functions: readonly ReplacedFunction[];
  readonly allowBusy: readonly string[];
  /** Of the attempt that succeeded. */
  readonly timing: Timing;
  /** Of the last attempts, the latest first. */
  readonly timings: readonly Timing[];
  /** Switches tried, the last one included; 0 if there was nothing to do. */
  readonly attempts: number;
}

/**
 * Applies a verified update to the running kernel. An update that is applied is left as it is.
 * @throws KspliceError; then the kernel is as before, unless its message says what is left
 */
export async function applyUpdate(
  update: Update,
  host: Host,
  options: ApplyOptions,
  ui: Ui,
): Promise<Applied> {
  ui.stage('checking the host');
  const allowBusy = [...new Set([...update.allowBusy, ...(options.allowBusy ?? [])])];
  checkAllowBusy(update, allowBusy);
  await check(update, host);
  return withLock(host, async () => {
    // What was checked without the lock may be otherwise by now.
    await check(update, host);
    if (await isApplied(update, host)) return describe(update.id, new Core(host), 0);
    await removeLeftovers(update.id, host, ui);
    const all = { ...options, allowBusy };
    return Loading.run(update, host, (loading) => load(update, host, all, loading, ui));
  });
}

function checkAllowBusy(update: Update, names: readonly string[]): void {
  if (names.length === 0) return;
  const programs = update.contents.changes.map((change) =>
    decodeProgram(programOf(update, change), change.oldCode.file),
  );
  const problems = busyProblems(programs, names);
  if (problems.length > 0) {
    throw problemsError('checks-failed', `update ${update.id} cannot be applied`, problems);
  }
}

async function check(update: Update, host: Host): Promise<void> {
  const problems = await applyProblems(update, host);
  if (problems.length > 0) {
    throw problemsError('checks-failed', `update ${update.id} cannot be applied`, problems);
  }
}

async function load(
  update: Update,
  host: Host,
  options: ApplyOptions & { readonly allowBusy: readonly string[] },
  loading: Loading,
  ui: Ui,
): Promise<Applied> {
  const { core: coreFile, changes } = update.contents;
  const core = new Core(host);
  try {
    stopIfInterrupted(ui.signal);
    if (!(await host.isLoaded(CORE_MODULE))) {
      ui.stage('loading the core');
      await loading.load(coreFile);
    }
    for (const { target, oldCode } of changes) {
      stopIfInterrupted(ui.signal);
      ui.stage(`comparing the running code of ${target}`);
      await loading.load(oldCode);
    }
    await throwUnlessMatched(update.id, core);
    for (const { target, newCode } of changes) {
      stopIfInterrupted(ui.signal);
      ui.stage(`loading the new code of ${target}`);
      await loading.load(newCode);
    }
    await throwUnlessMatched(update.id, core);
    await allowToBeBusy(update.id, core, options.allowBusy);
    if (options.dryRun) return await tryOut(update, core, loading, options, ui);
    await saveState(host, update);
    stopIfInterrupted(ui.signal);
    ui.stage('switching to the new code');
    const attempts = await switchStage(update.id, core, 'applied', options, ui);
    await unloadOldCode(update, host, ui);
    return await describe(update.id, core, attempts);
  } catch (error) {
    if ((await core.stage(update.id)) === 'applied') throw error;
    throw await afterCleanUp(update, host, loading, error);
  }
}

/** Has the core look whether the switch could be made now, and unloads everything. */
async function tryOut(
  { id }: Update,
  core: Core,
  loading: Loading,
  options: ApplyOptions,
  ui: Ui,
): Promise<Applied> {
  ui.stage('looking whether the code is in use');
  const attempts = await switchStage(id, core, 'try', options, ui);
  const [allowBusy, timings] = await Promise.all([core.allowBusy(id), core.timings(id)]);
  const left = await loading.unloadAll();
  if (left.length > 0) {
    throw new KspliceError('load-failed', `nothing was switched, but ${left.join('; ')}`, {
      advice: `\`ksplice-ts undo ${id}\` unloads what is left.`,
      details: { left },
    });
  }
  const [timing = {}] = timings;
  const figures = { allowBusy, timing, timings, attempts };
  return { id, changed: false, stage: undefined, functions: [], ...figures };
}

async function describe(id: string, core: Core, attempts: number): Promise<Applied> {
  const [functions = [], allowBusy, timings] = await Promise.all([
    core.functions(id),
    core.allowBusy(id),
    core.timings(id),
  ]);
  const [timing = {}] = timings;
  const figures = { allowBusy, timing, timings, attempts };
  return { id, changed: attempts > 0, stage: 'applied', functions, ...figures };
}

async function allowToBeBusy(id: string, core: Core, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const errno = await core.setAllowBusy(id, names);
  if (errno === undefined) return;
  throw new KspliceError('aborted', `the core did not take the list of busy functions: ${errno}`, {
    advice: 'Please report this: the list was checked before.',
  });
}

/** Puts back what was done so far; the error to throw is the given one, or says what is left. */
async function afterCleanUp(
  { id }: Update,
  host: Host,
  loading: Loading,
  error: unknown,
): Promise<unknown> {
  const left = await loading.unloadAll();
  await removeState(host, id);
  if (left.length === 0) return error;
  const first = error instanceof Error ? error.message : String(error);
  const code =
    error instanceof KspliceError && error.code === 'interrupted' ? error.code : 'load-failed';
  return new KspliceError(code, `${first}; and after that: ${left.join('; ')}`, {
    advice: `The code that runs is the old one. \`ksplice-ts undo ${id}\` unloads what is left.`,
    details: { left },
    cause: error,
  });
}

async function throwUnlessMatched(id: string, core: Core): Promise<void> {
  const cause = await core.abortCause(id);
  if (cause !== 'ok') throw await refusal(id, core, 'apply', cause ?? 'unexpected');
}

/** Pauses between two attempts. A task that only passes through is soon gone; one that sleeps is not. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Asks the core for a switch, again and again while the code is in use and time is left.
 * @returns how often it was asked
 * @throws KspliceError with the abort cause
 */
export async function switchStage(
  id: string,
  core: Core,
  stage: 'applied' | 'reversed' | 'try',
  { timeout }: SwitchOptions,
  ui: Ui,
): Promise<number> {
  const deadline = Date.now() + timeout;
  let wait = FIRST_PAUSE_MS;
  for (let attempts = 1; ; attempts++) {
    const errno = await core.setStage(id, stage);
    if (stage === 'try' ? errno === undefined : (await core.stage(id)) === stage) return attempts;
    const cause = (await core.abortCause(id)) ?? 'unexpected';
    const word = cause === 'ok' ? 'unexpected' : cause;
    const retry = word === 'code_busy' || word === 'module_busy';
    const left = deadline - Date.now();
    if (!retry || left <= 0) {
      throw await refusal(id, core, stage === 'reversed' ? 'undo' : 'apply', word, errno);
    }
    stopIfInterrupted(ui.signal);
    const now = Math.min(wait, left);
    ui.detail(`${word}; trying again in ${now} ms`);
    // An interruption ends the pause, and is told by what follows.
    await pause(now, undefined, { signal: ui.signal }).catch(() => {});
    stopIfInterrupted(ui.signal);
    wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
  }
}

/** The switch is made: from here on nothing fails the whole. */
async function unloadOldCode(update: Update, host: Host, ui: Ui): Promise<void> {
  for (const { oldCode } of [...update.contents.changes].reverse()) {
    await host.unload(oldCode.module).catch((error: Error) => {
      ui.warn(`the update is applied, but ${error.message}`);
    });
  }
}

/** What a run that was killed has left of this update, none of it in use. */
async function removeLeftovers(id: string, host: Host, ui: Ui): Promise<void> {
  const modules = await new Core(host).modulesOf(id);
  if (modules.length === 0) return;
  ui.warn(`an earlier attempt to apply ${id} was cut off; unloading what it left`);
  for (const module of modules) await host.unload(module);
}
