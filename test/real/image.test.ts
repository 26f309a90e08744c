// The stock kernel's own files.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/errors.js';
import { readSystemMap } from '../../src/run/kallsyms-text.js';
import { openKernelImage } from '../../src/run/kernel-files.js';
import { readVmlinuz } from '../../src/run/vmlinux.js';
import { silentUi } from '../../src/ui.js';
import { testKernel, vmlinuz } from '../kernels/kernel.js';

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

  test('come out in under a second, beyond decompressing', async () => {
    const file = await readFile(vmlinuz(kernel));
    const { decompressPayload } = await import('../../src/run/decompress.js');
    const { readBzImage } = await import('../../src/run/bzimage.js');
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

  test('relocates whole, every one of the package', () => {
    const { kernel: files } = image;
    const names = ['sctp', 'ext4', 'xfs', 'kvm', 'btrfs', 'mac80211', 'nf_tables', 'e1000e'];
    const present = names.filter((name) => files.hasTarget(name));
    expect(present.length).toBeGreaterThan(4);
    for (const name of present) {
      // Reading any function relocates the section that it is in.
      const [address] = files
        .lookup('init_module', name)
        .concat(files.lookup('__this_module', name));
      expect(address, name).toBeDefined();
      expect(files.read(address!, 8), name).toBeDefined();
    }
  });
});

test("a System.map out of the image is what the distribution's placeholder is not", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const { formatSystemMap } = await import('../../src/run/kallsyms-text.js');
    const file = path.join(folder, 'System.map');
    writeFileSync(file, formatSystemMap(image.symbols));
    expect(readSystemMap(file)).toEqual(image.symbols);
    const shipped = path.join(kernel.image, 'boot', `System.map-${kernel.release}`);
    expect(() => readSystemMap(shipped)).toThrowError(KspliceError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
