// The watcher: a process of its own that sees whether an update hurts, and takes it back then. It
// may be killed and started again at any moment; watch-record.ts has all that it needs to know.

import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { engineOf } from '../apply/engines.js';
import { undoUpdate } from '../apply/undo-update.js';
import { KspliceError } from '../base/errors.js';
import { interrupted } from '../base/tool.js';
import type { Ui } from '../base/ui.js';
import { complaintsIn, loudest } from '../host/complaints.js';
import { exists, type Host } from '../host/host.js';
import { KernelRecords } from '../host/kernel-records.js';
import { withdrawn } from '../host/withdrawn.js';
import { probeFailure } from './probe.js';
import { readWatch, type Verdict, type Watch, writeVerdict, writeWatch } from './watch-record.js';
import { rememberWithdrawn } from './withdraw.js';

const TICK_MS = 1000;
const PROBE_EVERY_TICKS = 5;
const UNDO_TIMEOUT_MS = 60_000;

/**
 * Watches an update to the end, and writes the verdict.
 * @throws KspliceError `interrupted`; then the next watcher goes on. `io`
 */
export async function watchUpdate(id: string, host: Host, ui: Ui): Promise<void> {
  const watch = await readWatch(host, id);
  if (!watch) return;
  const earlier = await withdrawn(host, id);
  // A watcher was killed while it took the update back.
  const verdict = earlier
    ? await takeBack(id, earlier.reason, host, ui)
    : await watched(watch, host, ui);
  if (verdict && (await readWatch(host, id))) await writeVerdict(host, id, verdict);
}

async function watched(begun: Watch, host: Host, ui: Ui): Promise<Verdict | undefined> {
  const { id } = begun;
  const engine = engineOf(host);
  const log = new KernelRecords(begun.from - 1);
  try {
    let watch = begun;
    for (let tick = 0; ; tick++) {
      if (ui.signal.aborted) throw interrupted();
      if (!(await readWatch(host, id))) return undefined;
      const stage = await engine.stage(id);
      if (stage !== 'applied') {
        const isApplying =
          watch.until === 0 && (await exists(`${host.paths.proc}/${watch.applying}`));
        if (!isApplying) return { outcome: 'gone', message: `${id} is not applied` };
      } else if (watch.until === 0) {
        watch = { ...watch, until: Math.ceil(os.uptime()) + watch.seconds };
        await writeWatch(host, watch);
      }
      const reason =
        (await complaint(log, id)) ??
        (stage === 'applied' ? await ailment(watch, host, tick) : undefined);
      if (reason !== undefined && watch.until > 0) return await takeBack(id, reason, host, ui);
      if (watch.until > 0 && os.uptime() >= watch.until) {
        return { outcome: 'good', message: `nothing was wrong in ${watch.seconds} s` };
      }
      await pause(TICK_MS);
    }
  } finally {
    log.close();
  }
}

async function complaint(log: KernelRecords, id: string): Promise<string | undefined> {
  const lines = log.next().map(({ text }) => text);
  if (complaintsIn(lines, id).length === 0) return undefined;
  // The rest of the report may still be on its way.
  await pause(TICK_MS);
  const found = loudest(complaintsIn([...lines, ...log.next().map(({ text }) => text)], id));
  if (!found) return undefined;
  const { kind, line, inNewCode } = found;
  return inNewCode === null
    ? `the kernel log has a ${kind}: ${line}`
    : `IN NEW CODE, at ${inNewCode}: the kernel log has a ${kind}: ${line}`;
}

async function ailment(watch: Watch, host: Host, tick: number): Promise<string | undefined> {
  const [{ window_ns: stopped = 0 } = {}] = await engineOf(host).timings(watch.id);
  if (watch.maxStop > 0 && stopped > watch.maxStop) {
    return `the machine was stopped for ${(stopped / 1e6).toFixed(2)} ms, and ${watch.maxStop / 1e6} ms are allowed`;
  }
  if (tick % PROBE_EVERY_TICKS !== 0) return undefined;
  const failures = await Promise.all(watch.probes.map((probe) => probeFailure(probe)));
  return failures.find((failure) => failure !== undefined);
}

/** First on the disk, then in the kernel: whatever happens to the undo, nobody applies it again. */
async function takeBack(id: string, reason: string, host: Host, ui: Ui): Promise<Verdict> {
  const record = { id, when: new Date().toISOString(), reason };
  await rememberWithdrawn(host, { ...record, remains: 'undoing' });
  const [remains, what] = await undone(id, host, ui);
  await rememberWithdrawn(host, { ...record, remains });
  return { outcome: 'withdrawn', message: `${reason}. ${what}` };
}

async function undone(
  id: string,
  host: Host,
  ui: Ui,
): Promise<['nothing' | 'leaving' | 'applied', string]> {
  try {
    const { stayLoaded } = await undoUpdate(id, host, { timeout: UNDO_TIMEOUT_MS }, ui);
    return stayLoaded.length > 0
      ? [
          'leaving',
          `The old code runs again; ${stayLoaded.join(', ')} stay loaded until the next boot`,
        ]
      : ['nothing', 'The old code runs again, and nothing of the update is loaded'];
  } catch (error) {
    if (!(error instanceof KspliceError) || ui.signal.aborted) throw error;
    if (error.code === 'not-applied') return ['nothing', 'Nothing of the update is loaded'];
    const stage = await engineOf(host).stage(id);
    const is =
      stage === 'applied'
        ? 'IT IS STILL APPLIED'
        : 'The old code runs again, but not all is unloaded';
    const advice = stage === 'applied' ? '; only a reboot, or a later undo, takes it back' : '';
    return [stage === 'applied' ? 'applied' : 'leaving', `${is}: ${error.message}${advice}`];
  }
}
