// Whether somebody has a lock, as flock(1) sees it: the file alone says nothing.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { TAKEN } from '../../src/base/flock.js';

/** Whether anybody holds the lock; a file that is not there is held by nobody. */
export function isHeld(file: string): boolean {
  if (!existsSync(file)) return false;
  const args = ['--nonblock', '--conflict-exit-code', String(TAKEN), file, 'true'];
  const { status } = spawnSync('flock', args);
  if (status !== 0 && status !== TAKEN) throw new Error(`flock ${file} ended with ${status}`);
  return status === TAKEN;
}
