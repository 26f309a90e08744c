// Starting a watcher that lives on when the terminal goes away or `apply` dies, and that is started
// again when it is killed: by systemd, or where that does not run, by a shell that waits for it.

import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { programEnvironment } from '../host/environment.js';
import { exists, type Host } from '../host/host.js';
import { lastRecord } from '../host/kernel-records.js';
import { toolCommand } from './own-program.js';
import { probeFailure } from './probe.js';
import { beginWatch, endWatch, readVerdict, type Verdict } from './watch-record.js';

export interface WatchOptions {
  readonly seconds: number;
  readonly probes: readonly string[];
  /** In nanoseconds; 0 for any time. */
  readonly maxStop: number;
}

/**
 * Starts the watcher of an update that is about to be applied.
 * @throws KspliceError `command-failed` if a probe fails already now, or no watcher can be started; `io`
 */
export async function startWatch(id: string, host: Host, options: WatchOptions): Promise<void> {
  for (const probe of options.probes) {
    const failure = await probeFailure(probe);
    if (failure === undefined) continue;
    throw new KspliceError('command-failed', `without the update already, ${failure}`, {
      advice: 'Nothing was changed. Make the probe succeed first.',
    });
  }
  const from = lastRecord() + 1;
  await beginWatch(host, { id, from, ...options, applying: process.pid, until: 0 });
  try {
    await startWatcher(id);
  } catch (error) {
    await endWatch(host, id);
    throw error;
  }
}

async function startWatcher(id: string): Promise<void> {
  const command = [...toolCommand(), 'watch', id];
  const env = programEnvironment();
  if (await exists('/run/systemd/system')) {
    const unit = [`--unit=ksplice-ts-watch-${id}`, '--collect', '--quiet'];
    const again = ['--property=Restart=on-failure', '--property=RestartSec=1'];
    const done = await execa('systemd-run', [...unit, ...again, '--', ...command], {
      env,
      extendEnv: false,
      stdin: 'ignore',
      timeout: 60_000,
      reject: false,
    });
    if (!done.failed) return;
    throw new KspliceError('command-failed', `systemd-run: ${done.stderr || done.shortMessage}`);
  }
  // As systemd would: five times, so that one that cannot work does not go on for ever.
  const loop = 'for i in 1 2 3 4 5; do "$@" && exit; sleep 1; done';
  const shell = execa('/bin/sh', ['-c', loop, 'ksplice-watch', ...command], {
    env,
    extendEnv: false,
    cwd: '/',
    stdio: 'ignore',
    detached: true,
    cleanup: false,
    reject: false,
  });
  shell.unref();
}

/**
 * Waits for the verdict.
 * @throws KspliceError `interrupted`: the watch goes on without us
 */
export async function awaitVerdict(id: string, host: Host, ui: Ui): Promise<Verdict> {
  for (;;) {
    const verdict = await readVerdict(host, id);
    if (verdict) return verdict;
    if (ui.signal.aborted) {
      throw new KspliceError('interrupted', `${id} is applied, and its watch goes on`);
    }
    await pause(500);
  }
}
