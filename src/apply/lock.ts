// One at a time: two commands that load, switch and unload at once could each
// take the other's modules for leftovers.
//
// Node has no flock(2). A child, `flock FILE cat`, holds the lock and reads our
// pipe: when we are gone, killed or not, the pipe ends, and with it the lock.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { KspliceError } from '../errors.js';
import type { Host } from './host.js';
import { privateDirectory } from './state.js';

const TAKEN = 75;
// After a kill the holder needs a moment to notice.
const PATIENCE_S = 2;

/**
 * Runs `work` while no other apply or undo runs on this host.
 * @throws KspliceError `busy` if another one does
 */
export async function withLock<T>(host: Host, work: () => Promise<T>): Promise<T> {
  await privateDirectory(host.paths.run);
  const file = path.join(host.paths.run, 'lock');
  // Made here and not by flock, which would follow a link.
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  await (await open(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)).close();
  const options = ['--timeout', String(PATIENCE_S), '--conflict-exit-code', String(TAKEN)];
  const holder = execa('flock', [...options, file, 'sh', '-c', 'echo && exec cat >/dev/null'], {
    detached: true,
    reject: false,
    buffer: { stdout: false },
    stderr: 'ignore',
  });
  const held = new Promise<'held'>((resolve) => {
    holder.stdout.once('data', () => resolve('held'));
  });
  const first = await Promise.race([held, holder]);
  if (first !== 'held') {
    if (first.exitCode === TAKEN) {
      throw new KspliceError('busy', 'another ksplice-ts is changing this kernel', {
        advice: 'Wait until it is done, and try again.',
      });
    }
    throw new KspliceError('missing-tool', `cannot lock ${file}: ${first.shortMessage ?? ''}`, {
      advice: 'The program flock is needed (package util-linux).',
    });
  }
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await holder;
  }
}
