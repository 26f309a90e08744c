// One create at a time works in a cached tree. The lock is a file made with
// O_EXCL that names its holder by pid and start time: a pid alone may have been
// given to another process since the holder was killed.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { KspliceError } from './errors.js';
import { interrupted } from './tool.js';
import type { Ui } from './ui.js';

const RETRY_MS = 250;

/** Start time of a process in clock ticks since boot, undefined if there is none. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function holderOf(path: string): { text: string; pid: number; alive: boolean } | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const [pid = '', started = ''] = text.trim().split(' ');
  return { text, pid: Number(pid), alive: started !== '' && startTime(Number(pid)) === started };
}

function tryTake(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid} ${startTime(process.pid)}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

// Two waiters may both see the dead holder. Renaming is atomic: if what we
// moved away is not what we judged, somebody was quicker and it is put back.
function breakStale(path: string, judged: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readFileSync(aside, 'utf8') === judged) rmSync(aside, { force: true });
  else renameSync(aside, path);
}

/**
 * Takes the lock, waiting for a living holder.
 * @param waitSeconds how long to wait before giving up
 * @returns gives the lock back; may be called twice
 * @throws KspliceError `busy` when the wait is over, `interrupted`
 */
export async function takeLock(path: string, ui: Ui, waitSeconds = 600): Promise<() => void> {
  const until = Date.now() + waitSeconds * 1000;
  let told = false;
  while (!tryTake(path)) {
    const holder = holderOf(path);
    if (holder && !holder.alive) {
      breakStale(path, holder.text);
      continue;
    }
    if (ui.signal.aborted) throw interrupted();
    if (Date.now() > until) {
      throw new KspliceError(
        'busy',
        `process ${holder?.pid} has been using ${path} for a long time`,
        {
          advice: 'Wait for it, or give this run a cache of its own with KSPLICE_CACHE=DIR.',
        },
      );
    }
    if (!told && holder) ui.info(`waiting for process ${holder.pid}, which uses the same cache`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  let held = true;
  return () => {
    if (held) rmSync(path, { force: true });
    held = false;
  };
}
