// Taking back an update that hurts: first on the disk, then in the kernel. Whatever happens to the
// undo, nobody applies it again.

import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { isInForce } from '../apply/in-force.js';
import { undoUpdate } from '../apply/undo-update.js';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import type { Watch } from '../host/watched.js';
import type { Remains } from '../host/withdrawn.js';
import type { Verdict } from './watch-files.js';
import { rememberWithdrawn } from './withdraw.js';

/** For how long one undo waits for busy code, and what is between two, in milliseconds. */
const UNDO_MS = 20_000;
const PAUSE_MS = 2_000;
/** For how long undo is tried if the watch has a shorter time left, in seconds. */
const LEAST_SECONDS = 60;

/** @throws KspliceError `interrupted`: the next watcher goes on with it. `io` */
export async function takeBack(
  { id, buildId, until }: Watch,
  reason: string,
  host: Host,
  ui: Ui,
): Promise<Verdict> {
  const record = { id, buildId, when: new Date().toISOString(), reason };
  await rememberWithdrawn(host, { ...record, remains: 'undoing' });
  const deadline = Math.max(until, os.uptime() + LEAST_SECONDS);
  for (;;) {
    const { remains, message } = await undone(id, host, ui);
    if (remains !== 'applied' || os.uptime() >= deadline) {
      await rememberWithdrawn(host, { ...record, remains });
      return { outcome: 'withdrawn', message: `${reason}. ${message}` };
    }
    await pause(PAUSE_MS);
  }
}

async function undone(
  id: string,
  host: Host,
  ui: Ui,
): Promise<{ remains: Remains; message: string }> {
  try {
    const { stayLoaded } = await undoUpdate(id, host, { timeout: UNDO_MS }, ui);
    const stay = `${stayLoaded.join(', ')} stay loaded until the next boot`;
    return stayLoaded.length > 0
      ? { remains: 'leaving', message: `The old code runs again; ${stay}` }
      : { remains: 'nothing', message: 'It was undone' };
  } catch (error) {
    if (!(error instanceof KspliceError) || ui.signal.aborted) throw error;
    if (error.code === 'not-applied') {
      return { remains: 'nothing', message: 'It was undone' };
    }
    return (await isInForce(id, host))
      ? {
          remains: 'applied',
          message: `IT IS STILL APPLIED, for undo was refused: ${error.message}`,
        }
      : { remains: 'leaving', message: `The old code runs again, but ${error.message}` };
  }
}
