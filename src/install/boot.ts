// What the systemd unit runs: the installed updates are applied in order, each
// for itself. One that is refused keeps no other from being applied; the running
// code decides whether an update fits, as always.

import { applyUpdate } from '../apply/apply.js';
import type { ApplyOptions } from '../apply/applying.js';
import { isApplied } from '../apply/checks.js';
import { type AnyCode, KspliceError, type Problem, separateProblems } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { exists, type Host } from '../host/host.js';
import { withInstalledLock } from '../host/host-lock.js';
import { allWatches } from '../host/watched.js';
import { withdrawnProblems } from '../host/withdrawn.js';
import { readTrusted } from '../trust/trusted.js';
import { requireRoot } from './install.js';
import { lateHelper } from './own-program.js';
import type { Installed } from './records.js';
import { type BootResult, writeBootResults } from './results.js';
import { startTrial } from './start-watch.js';
import { Store } from './store.js';
import { endWatch } from './watch-files.js';

export interface BootOptions extends ApplyOptions {
  /** Also try those that crashed an earlier boot. */
  readonly retry: boolean;
}

/**
 * Applies the updates that are installed for the running kernel. It may be called again
 * at any time.
 * @throws KspliceError `boot-incomplete`, when all was tried, if something that
 *   should be applied is not; `not-root`, `busy`, `io`
 */
export async function bootUpdates(
  host: Host,
  options: BootOptions,
  ui: Ui,
): Promise<readonly BootResult[]> {
  requireRoot(host, 'apply what is installed');
  return withInstalledLock(host, async () => {
    const store = await Store.open(host);
    const boot = await host.bootId();
    await store.settleAttempt(host, boot);
    const results: BootResult[] = [];
    const { updates, faults } = await store.all(host);
    const notApplied: Problem<AnyCode>[][] = faults.map(separateProblems);
    for (const installed of updates) {
      const { id } = installed;
      try {
        const result = await consider(installed, { store, boot, host, options, ui });
        results.push(result);
        const { outcome, message } = result;
        if (outcome === 'crashed' || outcome === 'withdrawn') {
          const advice =
            outcome === 'crashed' ? RETRY : `\`ksplice-ts clear ${id}\` allows it again.`;
          notApplied.push([{ code: 'boot-incomplete', message, advice }]);
        }
      } catch (error) {
        if (!(error instanceof KspliceError)) throw error;
        if (ui.signal.aborted) {
          await writeBootResults(host, [
            ...results,
            { id, outcome: 'failed', message: error.message },
          ]);
          throw cutOff(updates, results, error);
        }
        const waiting = error.code === 'target-not-loaded';
        results.push({ id, outcome: waiting ? 'waiting' : 'failed', message: error.message });
        if (!waiting) notApplied.push(separateProblems(error));
      }
    }
    await writeBootResults(host, results);
    const all = updates.length + faults.length;
    if (notApplied.length > 0) throw incomplete(all, results, notApplied);
    return results;
  });
}

/**
 * This boot goes well, or ends in order: what was new to it is no longer on trial.
 * @returns the ids of those updates
 * @throws KspliceError `not-root`, `busy`, `io`
 */
export async function endTrials(host: Host): Promise<readonly string[]> {
  requireRoot(host, 'record which boots went well');
  if (!(await exists(host.paths.installed))) return [];
  return withInstalledLock(host, async () => {
    const store = await Store.open(host);
    const trials = (await allWatches(host)).filter(({ origin }) => origin === 'boot');
    for (const { id, bootId, began } of trials) {
      await store.survived(host, { id, bootId, began });
      await endWatch(host, id, { outcome: 'good', message: 'the boot goes well' });
    }
    return trials.map(({ id }) => id);
  });
}

const RETRY = 'To try it once more, install it again, or run `ksplice-ts boot --retry`.';

interface Boot {
  readonly store: Store;
  /** This boot's id. */
  readonly boot: string;
  readonly host: Host;
  readonly options: BootOptions;
  readonly ui: Ui;
}

async function consider(installed: Installed, at: Boot): Promise<BootResult> {
  const { store, boot, host, options, ui } = at;
  const { id, release, buildId } = installed;
  const here = await host.buildId();
  if (release !== host.release || buildId !== here) {
    const message = `${id} is for another kernel: Linux ${release}, build ${buildId.slice(0, 12)}`;
    return { id, outcome: 'other-kernel', message };
  }
  const { update, trust, maxStopMs } = await readTrusted(store.updateDirectory(id), host.paths);
  if (await isApplied(update, host)) return { id, outcome: 'applied', message: '' };
  const [hurt] = await withdrawnProblems(host, id);
  if (hurt) return { id, outcome: 'withdrawn', message: hurt.message };
  const crash = await store.crash(host, id);
  if (crash && !options.retry) {
    const message = `${id} is not tried: the machine went down while it was applied at boot (${crash.began})`;
    return { id, outcome: 'crashed', message };
  }
  const attempt = { id, bootId: boot, began: new Date().toISOString() };
  await store.begin(attempt);
  const onTrial = !(await store.hasSurvived(host, id)) && (await startTrial(id, host));
  try {
    const partial = lateHelper();
    const { waiting } = await applyUpdate(
      update,
      host,
      { ...options, partial, trust, maxStopMs },
      ui,
    );
    if (crash) await store.forgetCrash(id);
    return waiting.length > 0 ? waitsFor(waiting, id) : { id, outcome: 'applied', message: '' };
  } catch (error) {
    // A trial that stays means an update suspected for nothing, which is not what to tell now.
    if (onTrial) await endWatch(host, id).catch(() => {});
    throw error;
  } finally {
    await store.end();
  }
}

function waitsFor(modules: readonly string[], id: string): BootResult {
  const names = modules.length > 1 ? `modules ${modules.join(', ')}` : `module ${modules[0]}`;
  const message = `${id} is applied to the loaded targets, and waits for ${names}`;
  return { id, outcome: 'waiting', message };
}

/** Some updates are applied by then, and stay so. */
function cutOff(
  all: readonly Installed[],
  results: readonly BootResult[],
  cause: KspliceError,
): KspliceError {
  const rest = all.slice(results.length).map(({ id }) => id);
  const done = results.filter(({ outcome }) => outcome === 'applied').map(({ id }) => id);
  const applied = done.length > 0 ? done.join(', ') : 'none';
  return new KspliceError(
    'interrupted',
    `${cause.message}. Applied: ${applied}; not or not completely applied: ${rest.join(', ')}`,
    { advice: '`ksplice-ts boot` continues with the rest.', details: { results, rest }, cause },
  );
}

function incomplete(
  all: number,
  results: readonly BootResult[],
  notApplied: readonly (readonly Problem<AnyCode>[])[],
): KspliceError {
  const message = `${notApplied.length} of ${all} installed updates not applied`;
  const problems = notApplied.flat();
  const [first] = problems;
  const summary = problems.length === 1 && first ? `${message}: ${first.message}` : message;
  const advice = problems.length === 1 ? (first?.advice ?? '') : '';
  return new KspliceError('boot-incomplete', summary, { advice, details: { results, problems } });
}
