import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { sha256 } from '../../src/kernel/capture-format.js';
import { openKernelImage } from '../../src/kernel/kernel-files.js';
import { compile } from '../support/compile.js';

const KALLSYMS = 'ffffffff81000000 T _text\nffffffffc0001000 t answer\t[sctp]\n';
const MEMORY = Buffer.from('kernel codemodule code');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function manifestOf(kallsyms: Buffer, memory: Buffer) {
  return {
    format: 1,
    release: '6.1.0-tiny',
    version: '#1 SMP',
    machine: 'x86_64',
    timestamp: '2026-01-01T00:00:00.000Z',
    modules: ['sctp'],
    regions: [
      { what: 'vmlinux .text', address: '0xffffffff81000000', size: 11 },
      { what: 'sctp .text', address: '0xffffffffc0001000', size: 11 },
    ],
    sha256: { 'kallsyms.gz': sha256(kallsyms), 'memory.gz': sha256(memory) },
  };
}

type Manifest = ReturnType<typeof manifestOf>;

/** A capture in the folder, the manifest altered as told. */
function write(alter: (manifest: Manifest) => unknown = (manifest) => manifest): void {
  const kallsyms = gzipSync(KALLSYMS);
  const memory = gzipSync(MEMORY);
  writeFileSync(path.join(folder, 'kallsyms.gz'), kallsyms);
  writeFileSync(path.join(folder, 'memory.gz'), memory);
  const manifest = alter(manifestOf(kallsyms, memory));
  writeFileSync(path.join(folder, 'capture.json'), JSON.stringify(manifest));
}

const open = () => openKernelImage(folder, silentUi);

async function refusal(): Promise<string> {
  try {
    await open();
  } catch (error) {
    if (error instanceof KspliceError) return error.code;
    throw error;
  }
  return 'none';
}

describe('a capture', () => {
  test('is a kernel', async () => {
    write();
    const { kernel, release, version, symbols, moduleFile } = await open();
    expect([release, version]).toEqual(['6.1.0-tiny', '#1 SMP']);
    expect(symbols).toEqual([{ name: '_text', type: 'T', address: 0xffffffff81000000n }]);
    expect(kernel.lookup('answer', 'sctp')).toEqual([0xffffffffc0001000n]);
    expect(Buffer.from(kernel.read(0xffffffffc0001000n, 6)!).toString()).toBe('module');
    expect(kernel.read(0xffffffff81000000n, 12)).toBeUndefined();
    expect(kernel.read(0xffffffff80ffffffn, 2)).toBeUndefined();
    expect([kernel.hasTarget('sctp'), kernel.hasTarget('xfs')]).toEqual([true, false]);
    expect(await moduleFile('sctp')).toBeUndefined();
  });

  test('takes symbols from module files, but code only from what it captured', async () => {
    write();
    const ko = compile(path.join(import.meta.dirname, '../fixtures/kernel/module.c'));
    const read = (name: string) => (name === 'sctp' ? { path: 'sctp.ko', data: ko } : undefined);
    const files = (await open()).withModules({ has: (name) => name === 'sctp', read }, 'sctp.ko');
    expect((await files.moduleFile('sctp'))?.name).toBe('sctp.ko');
    expect(files.kernel.lookup('answer', 'sctp')).toEqual([0xffffffffc0001000n]);
    expect(await files.moduleFile('xfs')).toBeUndefined();
  });

  test.each<[string, (manifest: Manifest) => unknown]>([
    ['of another format', (m) => ({ ...m, format: 2 })],
    ['without a release', ({ release: _, ...m }) => m],
    ['that is a list', () => []],
    ['that is null', () => null],
    ['with a wrong sum', (m) => ({ ...m, sha256: { ...m.sha256, 'memory.gz': 'x' } })],
    ['without sums', (m) => ({ ...m, sha256: null })],
    ['with a region too long', (m) => ({ ...m, regions: [{ ...m.regions[0], size: 1e9 }] })],
    ['with a region of negative size', (m) => ({ ...m, regions: [{ ...m.regions[0], size: -1 }] })],
    ['with bytes to spare', (m) => ({ ...m, regions: [m.regions[0]] })],
    ['with regions in disorder', (m) => ({ ...m, regions: [...m.regions].reverse() })],
    ['with an odd address', (m) => ({ ...m, regions: [{ ...m.regions[0], address: '-1' }] })],
    ['with modules that are numbers', (m) => ({ ...m, modules: [1] })],
    ['with a region that is null', (m) => ({ ...m, regions: [null] })],
    [
      'with an empty region',
      (m) => ({ ...m, regions: [...m.regions, { what: '', address: '0x0', size: 0 }] }),
    ],
  ])('is refused with a manifest %s', async (_, alter) => {
    write(alter);
    expect(await refusal()).toBe('bad-image');
  });

  test('is refused when any of its files is cut or altered', async () => {
    for (const name of ['capture.json', 'kallsyms.gz', 'memory.gz']) {
      write();
      const file = path.join(folder, name);
      const whole = readFileSync(file);
      writeFileSync(file, whole.subarray(0, whole.length - 9));
      expect(await refusal()).toBe('bad-image');
      const altered = Buffer.from(whole);
      altered[altered.length >> 1]! ^= 0x20;
      writeFileSync(file, altered);
      expect(await refusal()).toBe('bad-image');
    }
  });

  test('is refused when its symbols or memory are not gzip, however good the sums', async () => {
    write((m) => {
      writeFileSync(path.join(folder, 'memory.gz'), 'plain');
      return { ...m, sha256: { ...m.sha256, 'memory.gz': sha256(Buffer.from('plain')) } };
    });
    expect(await refusal()).toBe('bad-image');
  });
});
