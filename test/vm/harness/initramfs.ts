// The guest has no disk image: its root is the host's, shared as share.ts says, with a
// tmpfs overlay on top. The initramfs does only what comes before that mount:
// busybox, the few modules that it needs, and two scripts.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CpioEntry, cpioArchive, DIRECTORY, EXECUTABLE, REGULAR } from './cpio.js';
import type { KernelModules } from './kernel-modules.js';
import { type Share, shareModules } from './share.js';

const BUSYBOX = '/bin/busybox';

/**
 * The initramfs for a guest; the scripts come from the folder `guest/`.
 * @param modules those of the guest's kernel
 */
export async function guestInitramfs(
  modules: KernelModules,
  share: Share,
  guestFolder: string,
): Promise<Buffer> {
  // PCI transport, the shared root, its overlay, and the channel.
  const wanted = ['virtio_pci', ...shareModules(share), 'overlay', 'virtio_console'];
  const entries: CpioEntry[] = [];
  for (const path of ['bin', 'dev', 'proc', 'sys', 'modules', 'host', 'overlay', 'root']) {
    entries.push({ path, mode: DIRECTORY });
  }
  entries.push({ path: 'bin/busybox', mode: EXECUTABLE, data: await readFile(BUSYBOX) });
  entries.push({
    path: 'init',
    mode: EXECUTABLE,
    data: await readFile(join(guestFolder, 'stage1.sh')),
  });
  for (const [index, module] of modules.inLoadOrder(wanted).entries()) {
    const name = `modules/${String(index).padStart(2, '0')}.ko`;
    entries.push({ path: name, mode: REGULAR, data: await readModule(module) });
  }
  return cpioArchive(entries);
}

async function readModule(path: string): Promise<Buffer> {
  if (!path.endsWith('.xz')) return readFile(path);
  const options = { encoding: 'buffer', maxBuffer: 64 << 20 } as const;
  return (await promisify(execFile)('xz', ['-dc', path], options)).stdout;
}
