// The guest has no disk image: its root is the host's, mounted over 9p with a
// tmpfs overlay on top. The initramfs does only what comes before that mount:
// busybox, the few modules that it needs, and two scripts.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { modulesDirectory, type TestKernel } from '../../kernels/kernel.js';
import { type CpioEntry, cpioArchive, DIRECTORY, EXECUTABLE, REGULAR } from './cpio.js';

const BUSYBOX = '/bin/busybox';

/** What the guest's root needs: PCI transport, the shared root, its overlay, and the channel. */
const WANTED = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_console'];

/** The initramfs for a guest of `kernel`; the scripts come from the folder `guest/`. */
export async function guestInitramfs(kernel: TestKernel, guestFolder: string): Promise<Buffer> {
  const modules = await modulesInLoadOrder(kernel, WANTED);
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
  for (const [index, module] of modules.entries()) {
    const name = `modules/${String(index).padStart(2, '0')}.ko`;
    entries.push({ path: name, mode: REGULAR, data: await readModule(module) });
  }
  return cpioArchive(entries);
}

/** Paths of `names` and all they depend on, dependencies first, from modules.dep. */
async function modulesInLoadOrder(kernel: TestKernel, names: string[]): Promise<string[]> {
  const directory = modulesDirectory(kernel);
  const dependencies = parseModulesDep(await readFile(join(directory, 'modules.dep'), 'utf8'));
  const builtin = await readFile(join(directory, 'modules.builtin'), 'utf8');
  const ordered: string[] = [];
  for (const name of names) {
    const path = [...dependencies.keys()].find((candidate) => moduleName(candidate) === name);
    if (path === undefined) {
      if (builtin.split('\n').some((line) => moduleName(line) === name)) continue;
      throw new Error(`kernel ${kernel.release} has no module ${name}, which the guest needs`);
    }
    // modprobe loads the dependencies of a line from the last to the first.
    for (const needed of [...(dependencies.get(path) ?? []).toReversed(), path]) {
      if (!ordered.includes(needed)) ordered.push(needed);
    }
  }
  return ordered.map((path) => join(directory, path));
}

function parseModulesDep(text: string): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    map.set(
      line.slice(0, colon),
      line
        .slice(colon + 1)
        .split(' ')
        .filter(Boolean),
    );
  }
  return map;
}

/** A module's name as the kernel has it: `kernel/fs/9p/9p.ko` is `9p`. */
function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

async function readModule(path: string): Promise<Buffer> {
  if (!path.endsWith('.xz')) return readFile(path);
  const options = { encoding: 'buffer', maxBuffer: 64 << 20 } as const;
  return (await promisify(execFile)('xz', ['-dc', path], options)).stdout;
}
