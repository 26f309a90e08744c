// One create at a time works in a cached tree. The lock's file stays when the lock is given back:
// who removed it could lock one file while another one holds its successor of the same name. What
// is in it only names the holder, for those who wait.

import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { KspliceError } from './errors.js';
import { lockOpened } from './flock.js';
import { interrupted } from './tool.js';
import type { Ui } from './ui.js';

/**
 * Takes the lock, waiting for its holder.
 * @param path its file, made if need be
 * @param waitSeconds how long to wait before giving up
 * @returns gives the lock back; may be called twice
 * @throws KspliceError `busy` when the wait is over, `interrupted`, `missing-tool`
 */
export async function takeLock(path: string, ui: Ui, waitSeconds = 600): Promise<() => void> {
  const release = (await take(path, 0, ui)) ?? (await waitFor(path, waitSeconds, ui));
  let held = true;
  const end = () => {
    if (!held) return;
    held = false;
    if (existsSync(path)) truncateSync(path);
    release();
  };
  try {
    writeFileSync(path, `${process.pid}\n`);
    return end;
  } catch (error) {
    end();
    throw error;
  }
}

async function waitFor(path: string, seconds: number, ui: Ui): Promise<() => void> {
  if (seconds > 0) {
    ui.info(`waiting for ${holderOf(path)}, which uses the same cache`);
    const release = await take(path, seconds, ui);
    if (release) return release;
  }
  throw new KspliceError('busy', `${holderOf(path)} has been using ${path} for a long time`, {
    advice: 'Wait for it, or give this run a cache of its own with KSPLICE_CACHE=DIR.',
  });
}

async function take(path: string, seconds: number, ui: Ui): Promise<(() => void) | undefined> {
  if (ui.signal.aborted) throw interrupted();
  const release = await lockOpened(path, 'a+', seconds, ui.signal);
  if (!ui.signal.aborted) return release;
  release?.();
  throw interrupted();
}

function holderOf(path: string): string {
  const pid = readFileSync(path, 'utf8').trim();
  // The lock is taken a moment before the number is in the file, and given back a moment after.
  return pid === '' ? 'another process' : `process ${pid}`;
}
