// The stock kernel's own files.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readBzImage } from '../../src/arch/x86/bzimage.js';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { decompressPayload } from '../../src/kernel/decompress.js';
import type { ImageKernel } from '../../src/kernel/image-kernel.js';
import { formatSystemMap, readSystemMap } from '../../src/kernel/kallsyms-text.js';
import { openKernelImage } from '../../src/kernel/kernel-files.js';
import { ModuleDirectory, moduleNameOf } from '../../src/kernel/module-files.js';
import { readVmlinuz } from '../../src/kernel/vmlinux.js';
import { modulesDirectory, testKernel, vmlinuz } from '../kernels/kernel.js';

const kernel = await testKernel();
const image = await openKernelImage(kernel.image, silentUi);

describe('the symbols in vmlinuz', () => {
  test('are those of a whole kernel, in order', () => {
    expect(image.release).toBe(kernel.release);
    expect(image.version).toContain(`Debian ${kernel.version} `);
    expect(image.symbols.length).toBeGreaterThan(50_000);
    image.symbols.slice(1).forEach(({ address }, index) => {
      if (address < image.symbols[index]!.address) throw new Error(`disorder at ${index}`);
    });
    const exported = ['_printk', 'kfree', 'init_net', 'register_kprobe'];
    for (const name of [...exported, 'tcp_v4_rcv', 'linux_banner']) {
      expect(image.kernel.lookup(name, 'vmlinux')).toHaveLength(1);
    }
  });

  test('lead to what they name', () => {
    const [banner] = image.kernel.lookup('linux_banner', 'vmlinux');
    const text = Buffer.from(image.kernel.read(banner!, 200)!).toString('latin1');
    expect(text).toContain(`Linux version ${kernel.release} `);
    expect(text).toContain(image.version);
    // Names that modules link to: through the export table to a string, back to the name.
    const [entry] = image.kernel.lookup('__ksymtab_kfree', 'vmlinux');
    const row = Buffer.from(image.kernel.read(entry!, 12)!);
    expect(entry! + BigInt(row.readInt32LE(0))).toBe(image.kernel.lookup('kfree')[0]);
    const name = image.kernel.read(entry! + 4n + BigInt(row.readInt32LE(4)), 6)!;
    expect(Buffer.from(name).toString('latin1')).toBe('kfree\0');
  });

  test('are the same in the package as in its unpacked tree', async () => {
    const fromPackage = await openKernelImage(kernel.deb, silentUi, { modules: ['sctp'] });
    expect(fromPackage.symbols).toEqual(image.symbols);
    const [tree] = image.kernel.lookup('sctp_rcv', 'sctp');
    const [deb] = fromPackage.kernel.lookup('sctp_rcv', 'sctp');
    expect(fromPackage.kernel.read(deb!, 256)).toEqual(image.kernel.read(tree!, 256));
  });

  test('cost little beyond decompressing', async () => {
    const file = await readFile(vmlinuz(kernel));
    const { signal } = silentUi;
    const cpu = async (work: () => Promise<unknown>): Promise<number> => {
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    const bz = readBzImage(file, 'vmlinuz');
    const inflating = await cpu(() => decompressPayload(bz.payload, bz.size, 'vmlinuz', signal));
    const all = await cpu(() => readVmlinuz(file, 'vmlinuz', signal));
    expect(all - inflating).toBeLessThan(1500);
  });

  test('are refused from a vmlinuz that was cut', async () => {
    const file = await readFile(vmlinuz(kernel));
    for (const part of [0.001, 0.3, 0.9]) {
      const cut = file.subarray(0, Math.floor(file.length * part));
      await expect(readVmlinuz(cut, 'vmlinuz', silentUi.signal)).rejects.toThrowError(KspliceError);
    }
    const altered = Buffer.from(file);
    altered[altered.length >> 1]! ^= 1;
    await expect(readVmlinuz(altered, 'vmlinuz', silentUi.signal)).rejects.toMatchObject({
      code: 'bad-image',
    });
  });
});

describe('a stock module', () => {
  test('is laid out with calls that reach what they name', () => {
    const { kernel: files } = image;
    const [function_] = files.lookup('sctp_rcv', 'sctp');
    const [fentry] = files.lookup('__fentry__', 'vmlinux');
    const code = Buffer.from(files.read(function_!, 64)!);
    const call = code.indexOf(0xe8);
    const target = function_! + BigInt(call + 5 + code.readInt32LE(call + 1));
    expect(target).toBe(fentry);
  });

  test('reaches what another module exports, at one address', async () => {
    const { kernel: files } = await openKernelImage(kernel.image, silentUi);
    const [start] = files.lookup('sctp_rcv', 'sctp');
    expect(files.lookup('udp_sock_create4')).toEqual([]);
    files.read(start!, 16);
    // With the module that exports it laid out first, it is that module's.
    const { kernel: both } = await openKernelImage(kernel.image, silentUi);
    const [exported] = both.lookup('udp_sock_create4', 'udp_tunnel');
    expect(exported).toBeDefined();
    both.read(both.lookup('sctp_rcv', 'sctp')[0]!, 16);
    expect(both.lookup('udp_sock_create4')).toEqual([exported]);
  });

  test('relocates whole, as do many others of the package', () => {
    const files = new ModuleDirectory(modulesDirectory(kernel));
    const listed = readdirSync(modulesDirectory(kernel), { recursive: true, encoding: 'utf8' });
    const names = listed.flatMap((entry) => moduleNameOf(entry) ?? []).sort();
    expect(names.length).toBeGreaterThan(1000);
    const chosen = names.filter((_, index) => index % 50 === 0);
    const laidOut = image.kernel as ImageKernel;
    for (const name of [...chosen, 'sctp', 'btrfs', 'kvm', 'nf_tables']) {
      expect(files.has(name), name).toBe(true);
      const { regions } = laidOut.module(name)!;
      // Asking for a region's bytes applies every relocation in it.
      for (const region of regions) expect(region.bytes()).toHaveLength(region.size);
    }
  });
});

test("a System.map out of the image is what the distribution's placeholder is not", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const file = path.join(folder, 'System.map');
    writeFileSync(file, formatSystemMap(image.symbols));
    expect(readSystemMap(file)).toEqual(image.symbols);
    const shipped = path.join(kernel.image, 'boot', `System.map-${kernel.release}`);
    expect(() => readSystemMap(shipped)).toThrowError(KspliceError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
