// Applying an update. Whatever fails, the kernel is as it was and nothing is
// left loaded; once the core has switched, the update is in.

import { problemsError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { type ModuleLoader, withLock } from '../host/host-lock.js';
import { busyProblems } from '../inspect/allow-busy.js';
import type { TargetChange } from '../update/contents.js';
import { decodedProgramOf, type Update } from '../update/update.js';
import { type Applied, describeApplied } from './applied.js';
import { Applying, type ApplyOptions } from './applying.js';
import { appliedChanges, applyProblems } from './checks.js';
import { engineOf } from './engines.js';
import { afterInterruption } from './interrupted.js';
import { Loading } from './loading.js';
import { chooseGoing, endGoing, NOBODY } from './replacing.js';

/**
 * Applies a verified update to the running kernel, or what is left of it. An update that is
 * applied is left as it is.
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
  await check(update, host, options);
  return withLock(host, async (modules) => {
    // What was checked without the lock may be otherwise by now.
    await check(update, host, options);
    try {
      return await applyWhatIsLeft(update, host, modules, { ...options, allowBusy }, ui);
    } catch (error) {
      throw ui.signal.aborted ? await afterInterruption(update.id, host, 'apply', error) : error;
    }
  });
}

async function applyWhatIsLeft(
  update: Update,
  host: Host,
  modules: ModuleLoader,
  options: ApplyOptions & { readonly allowBusy: readonly string[] },
  ui: Ui,
): Promise<Applied> {
  const applied = await appliedChanges(update, host);
  const left = update.contents.changes.filter((change) => !applied.includes(change));
  if (left.length === 0) return describeApplied(update.id, engineOf(host), 0, false);
  await removeLeftovers(update, left, host, modules, ui);
  const going = options.replace ? await chooseGoing(update, engineOf(host)) : NOBODY;
  const result = await Loading.run(update, host, modules, async (loading) => {
    const work = new Applying(update, host, { ...options, going }, loading, ui);
    return options.dryRun ? work.tryOut(left) : work.apply(left);
  });
  if (!options.dryRun) await endGoing(going, host, modules, options, ui);
  return result;
}

function checkAllowBusy(update: Update, names: readonly string[]): void {
  if (names.length === 0) return;
  const programs = update.contents.changes.map((change) => decodedProgramOf(update, change));
  const problems = busyProblems(programs, names);
  if (problems.length > 0) {
    throw problemsError('checks-failed', `update ${update.id} cannot be applied`, problems);
  }
}

async function check(update: Update, host: Host, options: ApplyOptions): Promise<void> {
  const problems = await applyProblems(update, host, options.partial !== undefined);
  if (problems.length > 0) {
    throw problemsError('checks-failed', `update ${update.id} cannot be applied`, problems);
  }
}

/** Unloads the modules of these targets that a killed run has left. None of them is in use. */
async function removeLeftovers(
  { id, contents }: Update,
  changes: readonly TargetChange[],
  host: Host,
  loader: ModuleLoader,
  ui: Ui,
): Promise<void> {
  const all = contents.changes.length === changes.length;
  const names = changes.flatMap(({ newCode, oldCode }) => [newCode.module, oldCode.module]);
  const modules = await engineOf(host).modulesOf(id);
  // Of another update under this id, other names may be left.
  const left = modules.filter((module) => all || names.includes(module));
  if (left.length === 0) return;
  ui.warn(`an earlier apply of ${id} was interrupted; unloading what it left`);
  for (const module of left) await loader.unload(module);
}
