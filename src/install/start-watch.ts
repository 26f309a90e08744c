// Starting a watch, and the watcher: it lives on when the terminal goes away or `apply` dies, and is
// started again when it is killed, by systemd, or where that does not run, by a shell that waits for it.

import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { isInForce } from '../apply/in-force.js';
import { KspliceError, problemsError } from '../base/errors.js';
import { programEnvironment } from '../host/environment.js';
import type { Host } from '../host/host.js';
import { kernelNow } from '../host/kernel-before.js';
import { isAlive, type Keeper, processMark, readWatch, type Watch } from '../host/watched.js';
import { withdrawnProblems } from '../host/withdrawn.js';
import { firstFailure } from './ailment.js';
import { toolCommand } from './own-program.js';
import { beginWatch, endWatch, hasWatcher } from './watch-files.js';

/** The transient unit of the watcher. */
export const WATCH_UNIT = 'ksplice-ts-watch.service';
/** How long a first boot with an update is its trial, in seconds. */
const TRIAL_SECONDS = 600;
/** How often it is looked whether the watcher is there, how long between, and when it is started again. */
const LOOKS = 300;
const LOOK_MS = 200;
const LOOKS_TO_START = 50;

export interface WatchOptions {
  readonly seconds: number;
  readonly probes: readonly string[];
  /** In nanoseconds; 0 for any time. */
  readonly maxStop: number;
}

/**
 * Begins the watch of an update that is about to be applied; when this returns, a watcher is at work.
 * @returns the watch; another one's if the update is watched already
 * @throws KspliceError `withdrawn`; `command-failed` if a probe fails already now, or no watcher can be
 *   started; `busy` if the update is just being applied; `io`
 */
export async function startWatch(id: string, host: Host, options: WatchOptions): Promise<Watch> {
  const problems = await withdrawnProblems(host, id);
  if (problems.length > 0) {
    throw problemsError('withdrawn', `update ${id} cannot be applied`, problems);
  }
  const going = await readWatch(host, id);
  if (going && (await isInForce(id, host))) {
    await ensureWatcher(id, host);
    return going;
  }
  if (going && (await isAlive(host, going.applying))) {
    throw new KspliceError('busy', `update ${id} is just being applied by another command`, {
      advice: 'Wait until it is done, and try again.',
    });
  }
  const failure = await firstFailure(options.probes);
  if (failure !== undefined) {
    throw new KspliceError('command-failed', `without the update already, ${failure}`, {
      advice: 'Nothing was changed. Make the probe succeed first.',
    });
  }
  const before = await kernelNow(host);
  if (!before) throw new KspliceError('io', 'the kernel log cannot be read, so nothing is watched');
  const watch = await newWatch(id, host, { origin: 'apply', keeper: 'nobody', before, ...options });
  await beginWatch(host, watch);
  try {
    await ensureWatcher(id, host);
  } catch (error) {
    await endWatch(host, id);
    throw error;
  }
  return watch;
}

/**
 * Puts an update on trial that is about to be applied for the first time at boot.
 * @returns false where nobody would end the trial
 */
export async function startTrial(id: string, host: Host): Promise<boolean> {
  if (!(await host.runsSystemd())) return false;
  const trial = { origin: 'boot', seconds: TRIAL_SECONDS, probes: [], maxStop: 0 } as const;
  // Whether the machine goes down is seen without a log, too.
  const before = (await kernelNow(host)) ?? { tainted: 0, logSequence: 0 };
  // From the first moment: the machine may go down before a watcher has begun.
  await beginWatch(host, await newWatch(id, host, { ...trial, keeper: 'systemd', before }));
  if ((await startUnit(host)) === undefined) return true;
  await endWatch(host, id);
  return false;
}

async function newWatch(
  id: string,
  host: Host,
  options: WatchOptions & Pick<Watch, 'origin' | 'keeper' | 'before'>,
): Promise<Watch> {
  return {
    id,
    ...options,
    bootId: await host.bootId(),
    began: new Date().toISOString(),
    buildId: (await host.buildId()) ?? '',
    applying: await processMark(host, process.pid),
    until: 0,
  };
}

/**
 * Returns when a watcher is at work for an update, or its watch is over.
 * @throws KspliceError `command-failed`
 */
export async function ensureWatcher(id: string, host: Host): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    const watch = await readWatch(host, id);
    if (!watch) return;
    const isThere = await hasWatcher(host);
    if (isThere && watch.keeper !== 'nobody') return;
    if (!isThere && look % LOOKS_TO_START === 0) await startWatcher(host);
    await pause(LOOK_MS);
  }
  throw noWatcher('it was started, and does not begin');
}

async function startWatcher(host: Host): Promise<void> {
  if (await host.runsSystemd()) {
    const said = await startUnit(host);
    if (said !== undefined) throw noWatcher(`systemd-run: ${said}`);
    return;
  }
  // So often that nobody who kills it wins, and not for ever if it cannot work at all.
  const loop = 'i=0; until "$@" || [ $((i+=1)) -ge 1000 ]; do sleep 1; done';
  const shell = execa('/bin/sh', ['-c', loop, 'ksplice-ts-watch', ...watchCommand('shell')], {
    env: programEnvironment(),
    extendEnv: false,
    cwd: '/',
    stdio: 'ignore',
    detached: true,
    cleanup: false,
    reject: false,
  });
  shell.unref();
}

function noWatcher(why: string): KspliceError {
  return new KspliceError('command-failed', `no watcher can be started: ${why}`);
}

/** @returns what systemd-run said, if it refused and the unit is not there for another update */
async function startUnit(host: Host): Promise<string | undefined> {
  const properties = [
    'Description=Watches hot-patches, and takes back those that hurt',
    // Also early at boot; and stopped in order on a shutdown.
    'DefaultDependencies=no',
    `RequiresMountsFor=${host.paths.installed}`,
    'Before=shutdown.target',
    'Conflicts=shutdown.target',
    // Whatever it was killed by, also before it knew of signals; 0: nothing is watched any more.
    'Restart=always',
    'RestartPreventExitStatus=0',
    'RestartSec=1',
    'StartLimitIntervalSec=3600',
    'StartLimitBurst=1000',
    // A signal is for the watcher alone: a probe that is stopped has not failed.
    'KillMode=mixed',
  ].map((property) => `--property=${property}`);
  const words = [`--unit=${WATCH_UNIT}`, '--collect', '--quiet', '--no-block', ...properties];
  const said = await host.systemdRun([...words, '--', ...watchCommand('systemd')]);
  if (said === undefined) return undefined;
  const isThere = ['active', 'activating'].includes(await host.unitState(WATCH_UNIT));
  return isThere ? undefined : said;
}

function watchCommand(keeper: Keeper): string[] {
  return [...toolCommand(), 'watch', keeper];
}
