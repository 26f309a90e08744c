// Locks are those of flock(2): the kernel lets go of one when its holder ends, however it ends.
// Node has no flock(2), so flock(1) of util-linux is asked, in two ways: it starts the program that
// is to hold the lock, or it locks a file that we have open. That lock is ours as long as the file
// is open: it belongs to the open file, not to the process that asked for it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { KspliceError } from './errors.js';

/** flock's exit status when another one holds the lock. Its own failures are 1 and 64 to 71. */
export const TAKEN = 75;

/**
 * The arguments that make flock wait for a lock.
 * @param patience for how long, in seconds; with 0 it does not wait
 */
export function flockArguments(patience: number): string[] {
  return ['--timeout', String(patience), '--conflict-exit-code', String(TAKEN)];
}

const NEVER = new AbortController().signal;

/** The error for a lock that cannot be asked for at all. */
export function cannotLock(path: string): KspliceError {
  return new KspliceError('missing-tool', `cannot lock ${path}`, {
    advice: 'The program flock is needed (package util-linux).',
  });
}

/**
 * Locks a file, or a directory, until what it returns is called.
 * @param flags for open: 'a+' makes the file if need be
 * @returns undefined if another one holds it still, or `signal` was aborted
 * @throws KspliceError `missing-tool`; what the system says if the file cannot be opened
 */
export async function lockOpened(
  path: string,
  flags: 'r' | 'a+',
  patience: number,
  signal: AbortSignal = NEVER,
): Promise<(() => void) | undefined> {
  const file = openSync(path, flags);
  // What we start later does not get the file: Node opens all of them close-on-exec.
  const status = await askFor(file, patience, signal).catch(() => undefined);
  if (status === 0) return () => closeSync(file);
  closeSync(file);
  if (status === TAKEN || signal.aborted) return undefined;
  throw cannotLock(path);
}

/** flock's exit status. (execa has no way to hand an open file over.) */
async function askFor(file: number, patience: number, signal: AbortSignal): Promise<unknown> {
  const child = spawn('flock', [...flockArguments(patience), '0'], {
    stdio: [file, 'ignore', 'ignore'],
    // Ctrl-C is for us, and aborts the signal.
    detached: true,
    // Many may wait with one signal, and Node warns of more than ten listeners.
    signal: AbortSignal.any([signal]),
  });
  const [status] = await once(child, 'close');
  return status;
}
