// How the guest gets at the files of the host: over 9p, which QEMU serves itself, or over
// virtiofs for kernels without 9p (those for clouds), which a daemon beside QEMU serves.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { KernelModules } from './kernel-modules.js';

export type Share = '9p' | 'virtiofs';

/** The name under which the guest mounts it. */
const TAG = 'host';
const SCRIPT = fileURLToPath(new URL('virtiofs.sh', import.meta.url));
const DAEMON_STARTS_MS = 30_000;

export function chooseShare(modules: KernelModules): Share {
  return modules.has('9pnet_virtio') ? '9p' : 'virtiofs';
}

/** The modules that the guest needs for it. */
export function shareModules(share: Share): string[] {
  return share === '9p' ? ['9pnet_virtio', '9p'] : ['virtiofs'];
}

/**
 * What has to run before QEMU: the daemon of virtiofs, which ends when QEMU does.
 * @param folder of this run; the daemon's log and socket are there
 */
export async function startShare(share: Share, folder: string): Promise<void> {
  if (share === '9p') return;
  const root = join(folder, 'root');
  await mkdir(root);
  const log = openSync(join(folder, 'virtiofsd.log'), 'w');
  const daemon = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', '--mount', SCRIPT, root, daemonSocket(folder)],
    { stdio: ['ignore', log, log] },
  );
  closeSync(log);
  await listening(daemon, folder);
}

export function shareArguments(share: Share, folder: string, memoryMb: number): string[] {
  if (share === '9p') {
    const options = 'security_model=none,readonly=on,multidevs=remap';
    return ['-virtfs', `local,path=/,mount_tag=${TAG},${options}`];
  }
  return [
    // The daemon reads and writes the guest's memory.
    ...['-object', `memory-backend-memfd,id=memory,size=${memoryMb}M,share=on`],
    ...['-machine', 'memory-backend=memory'],
    ...['-chardev', `socket,id=share,path=${daemonSocket(folder)}`],
    ...['-device', `vhost-user-fs-pci,chardev=share,tag=${TAG}`],
  ];
}

function daemonSocket(folder: string): string {
  return join(folder, 'virtiofs');
}

async function listening(daemon: ChildProcess, folder: string): Promise<void> {
  let ended: string | undefined;
  daemon.on('error', (error) => {
    ended = error.message;
  });
  daemon.on('exit', (status, signal) => {
    ended = `${signal ?? `status ${status}`}`;
  });
  const deadline = Date.now() + DAEMON_STARTS_MS;
  while (!existsSync(daemonSocket(folder))) {
    if (ended !== undefined || Date.now() > deadline) {
      const why = ended === undefined ? 'does not listen' : `ended (${ended})`;
      throw new Error(`virtiofsd ${why}; see ${join(folder, 'virtiofsd.log')}`);
    }
    await pause(50);
  }
}
