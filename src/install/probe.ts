// A probe: a command that says whether the machine does its work.

import { spawn } from 'node:child_process';
import { programEnvironment } from '../host/environment.js';

/** In milliseconds. */
const PATIENCE = 10_000;

/**
 * Runs a probe in sh, with the same environment from wherever it is called: the watcher has none of a
 * user's. What the probe starts is killed with it if it takes too long. Even a process that cannot be
 * killed, because the kernel does not come back to it, is waited for no longer.
 * @param patience in milliseconds
 * @returns what is wrong, or undefined
 */
export async function probeFailure(
  command: string,
  patience = PATIENCE,
): Promise<string | undefined> {
  const child = spawn('/bin/sh', ['-c', command], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: programEnvironment({ HOME: '/root' }),
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => {
      if (child.pid !== undefined) killGroup(child.pid);
      child.unref();
      resolve(`the probe hung for ${patience / 1000} s: ${command}`);
    }, patience);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`the probe cannot be run: ${error.message}`));
    child.once('exit', (status, signal) =>
      resolve(
        status === 0 ? undefined : `the probe failed (${signal ?? `status ${status}`}): ${command}`,
      ),
    );
  });
  try {
    return await Promise.race([late, ended]);
  } finally {
    clearTimeout(timer);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
