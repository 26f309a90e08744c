// Everything that can be named as "the image": trees, packages, compressed modules, captures.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { ElfObject } from '../../src/elf/object.js';
import { type ImageOptions, openKernelImage } from '../../src/kernel/kernel-files.js';
import { openSymbolMap } from '../../src/kernel/map-kernel.js';
import type { RunningKernel } from '../../src/kernel/running.js';
import { compile } from '../support/compile.js';
import { FUNCTION_SIZE, functionName, TEXT, tinyKernel } from './tiny-kernel.js';

const RELEASE = '6.1.0-tiny';
/** Of a series that comes in two packages. */
const SPLIT = '7.3.4-tiny';
const MODULE = `
extern int ${functionName(100)}(int);
extern int other_module_function(void);
static int answer(int i) { return ${functionName(100)}(i) + other_module_function(); }
int (*const hook)(int) = answer;
__attribute__((section(".gnu.linkonce.this_module"))) char this_module[64];
`;

let folder: string;
let tree: string;
let ko: Buffer;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  writeFileSync(path.join(folder, 'module.c'), MODULE);
  ko = compile(path.join(folder, 'module.c'));
  tree = path.join(folder, 'tree');
  makeTree(tree, RELEASE);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

afterEach(() => void vi.unstubAllEnvs());

function makeTree(root: string, release: string): void {
  const modules = path.join(root, 'lib/modules', release, 'kernel/net');
  mkdirSync(path.join(root, 'boot'), { recursive: true });
  mkdirSync(modules, { recursive: true });
  writeFileSync(path.join(root, 'boot', `vmlinuz-${release}`), tinyKernel({ release }));
  const file = (name: string) => path.join(modules, name);
  writeFileSync(file('plain-one.ko'), ko);
  writeFileSync(file('zipped.ko.gz'), gzipSync(ko));
  writeFileSync(file('pressed.ko.xz'), execFileSync('xz', ['-c'], { input: ko }));
  writeFileSync(file('squeezed.ko.zst'), execFileSync('zstd', ['-cq'], { input: ko }));
  writeFileSync(file('broken.ko.xz'), execFileSync('xz', ['-c'], { input: ko }).subarray(0, 200));
}

function makePackage(root: string, name: string): string {
  const control = path.join(root, 'DEBIAN');
  mkdirSync(control, { recursive: true });
  const fields = ['Package: tiny', 'Version: 1', 'Architecture: amd64', 'Maintainer: x <x@x>'];
  writeFileSync(path.join(control, 'control'), `${fields.join('\n')}\nDescription: x\n`);
  const deb = path.join(folder, name);
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', root, deb], { stdio: 'pipe' });
  rmSync(control, { recursive: true });
  return deb;
}

/** The kernel's file in the package with modules moved to where newer packages have it. */
function makeSplitTree(root: string, vmlinuz: string, { modules = true } = {}): void {
  const place = path.join(root, 'usr/lib/modules', SPLIT);
  mkdirSync(place, { recursive: true });
  writeFileSync(path.join(place, vmlinuz), tinyKernel({ release: SPLIT }));
  if (!modules) return;
  const net = path.join(place, 'kernel/net');
  mkdirSync(net, { recursive: true });
  writeFileSync(path.join(net, 'pressed.ko.xz'), execFileSync('xz', ['-c'], { input: ko }));
}

async function refusal(image: string, options: ImageOptions = {}): Promise<KspliceError> {
  try {
    await openKernelImage(image, silentUi, options);
  } catch (error) {
    if (error instanceof KspliceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('an unpacked image package', () => {
  test('is a kernel with its modules', async () => {
    const { kernel, release, version, symbols, moduleFile } = await openKernelImage(tree, silentUi);
    expect(release).toBe(RELEASE);
    expect(version).toBe('#1 SMP Debian 6.1.7-1 (2026)');
    expect(symbols.length).toBeGreaterThan(1200);
    expect(kernel.lookup(functionName(0), 'vmlinux')).toEqual([TEXT]);
    expect(kernel.hasTarget('vmlinux')).toBe(true);
    // Dashes in a file's name are underscores in the module's.
    expect(kernel.hasTarget('plain_one')).toBe(true);
    expect(kernel.hasTarget('plain-one')).toBe(false);
    expect(kernel.hasTarget('absent')).toBe(false);
    expect((await moduleFile('plain_one'))?.section('.rodata')).toBeDefined();
    expect(await moduleFile('absent')).toBeUndefined();
  });

  test('reads modules however they are compressed, each at a place of its own', async () => {
    const { kernel } = await openKernelImage(tree, silentUi);
    const hooks = ['plain_one', 'zipped', 'pressed', 'squeezed'].map((name) => {
      const [answer] = kernel.lookup('answer', name);
      const [hook] = kernel.lookup('hook', name);
      expect(Buffer.from(kernel.read(hook!, 8)!).readBigUInt64LE()).toBe(answer);
      return hook;
    });
    expect(new Set(hooks).size).toBe(4);
    expect(kernel.lookup('hook')).toHaveLength(4);
    // What some module outside exports has one address, whoever asks.
    expect(kernel.lookup('other_module_function')).toEqual([]);
    for (const name of ['plain_one', 'zipped']) kernel.read(kernel.lookup('answer', name)[0]!, 1);
    expect(kernel.lookup('other_module_function')).toHaveLength(1);
  });

  /** Of `answer`, the call of `name`: where it leads. */
  function callee(kernel: RunningKernel, module: string, name: string): bigint {
    const object = new ElfObject(ko, 'module.ko');
    const text = object.symbols.find((symbol) => symbol.name === 'answer')!;
    const found = object.relocations(text.section!).find(({ symbol }) => symbol.name === name)!;
    const [answer] = kernel.lookup('answer', module);
    const place = answer! + BigInt(found.offset - text.value);
    return place + 4n + BigInt(Buffer.from(kernel.read(place, 4)!).readInt32LE());
  }

  test('takes module files from elsewhere, before its own', async () => {
    const files = await openKernelImage(tree, silentUi);
    const names = ['mine', 'broken'];
    const given = {
      has: (name: string) => names.includes(name),
      read: (name: string) => (names.includes(name) ? { path: 'mine.ko', data: ko } : undefined),
    };
    const both = files.withModules(given, 'mine.ko');
    expect(both.kernel.origin).toBe(`mine.ko with the image in ${tree}`);
    expect(names.map((name) => both.kernel.hasTarget(name))).toEqual([true, true]);
    expect(callee(both.kernel, 'mine', functionName(100))).toBe(TEXT + 100n * FUNCTION_SIZE);
    expect(both.kernel.lookup('answer', 'broken')).toHaveLength(1);
    expect(both.kernel.lookup('answer', 'zipped')).toHaveLength(1);
    expect((await both.moduleFile('mine'))?.name).toBe('mine.ko');
    expect(await both.moduleFile('zipped')).toBeDefined();
    expect(files.kernel.hasTarget('mine')).toBe(false);

    // The symbols alone lead to the same places.
    const exported = new Set([functionName(100)]);
    const map = openSymbolMap('mine.ko', RELEASE, files.symbols, exported, given);
    expect(map.kernel).toMatchObject({ origin: 'mine.ko', release: RELEASE });
    expect(callee(map.kernel, 'mine', functionName(100))).toBe(TEXT + 100n * FUNCTION_SIZE);
    expect(map.kernel.lookup(functionName(0), 'vmlinux')).toEqual([TEXT]);
    expect(map.kernel.read(TEXT, 1)).toBeUndefined();
    expect(map.kernel.hasTarget('zipped')).toBe(false);
  });

  test('refuses a damaged module when it is asked for', async () => {
    const { kernel } = await openKernelImage(tree, silentUi);
    expect(() => kernel.lookup('answer', 'broken')).toThrowError(
      expect.objectContaining({ code: 'bad-image' }),
    );
  });

  test('has the modules ready that are named, several at a time', async () => {
    const modules = ['plain_one', 'zipped', 'pressed', 'squeezed'];
    const { kernel } = await openKernelImage(tree, silentUi, { modules: [...modules, 'absent'] });
    // No tool is left that could do it now.
    vi.stubEnv('PATH', '/nonexistent');
    for (const name of modules) expect(kernel.lookup('hook', name), name).toHaveLength(1);
  });

  test.each([
    ['squeezed', 'zstd', 'zstd'],
    ['pressed', 'xz', 'xz-utils'],
  ])('names the package of the tool that %s needs', async (name, tool, wanted) => {
    const { kernel } = await openKernelImage(tree, silentUi);
    const missing = {
      code: 'missing-tool',
      message: expect.stringMatching(new RegExp(`/${name}\\.ko\\S+ is compressed with ${tool},`)),
      advice: `Install it: apt-get install ${wanted}`,
    };
    vi.stubEnv('PATH', '/nonexistent');
    expect(await refusal(tree, { modules: [name] })).toMatchObject(missing);
    expect(() => kernel.lookup('hook', name)).toThrowError(expect.objectContaining(missing));
    // gzip is Node's own.
    expect(kernel.lookup('hook', 'zipped')).toHaveLength(1);
  });

  test('names the package of the tool that the kernel needs', async () => {
    const image = path.join(folder, 'pressed-kernel');
    mkdirSync(path.join(image, 'boot'), { recursive: true });
    const vmlinuz = tinyKernel({ release: RELEASE, compression: 'xz' });
    writeFileSync(path.join(image, `boot/vmlinuz-${RELEASE}`), vmlinuz);
    vi.stubEnv('PATH', '/nonexistent');
    expect(await refusal(image)).toMatchObject({
      code: 'missing-tool',
      message: expect.stringContaining(`vmlinuz-${RELEASE} is compressed with xz,`),
      advice: 'Install it: apt-get install xz-utils',
    });
  });

  test('stops at once when the user does, though a module takes long', async () => {
    const slow = path.join(folder, 'slow');
    mkdirSync(slow, { recursive: true });
    writeFileSync(path.join(slow, 'xz'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    vi.stubEnv('PATH', `${slow}:${process.env.PATH}`);
    const stop = new AbortController();
    const ui = { ...silentUi, signal: stop.signal };
    const opening = openKernelImage(tree, ui, { modules: ['pressed'] });
    setTimeout(() => stop.abort(), 200);
    await expect(opening).rejects.toMatchObject({ code: 'interrupted' });
  });

  test('must hold the kernel that is wanted, or only one', async () => {
    const two = path.join(folder, 'two');
    makeTree(two, RELEASE);
    makeTree(two, '6.1.0-other');
    expect(await refusal(two)).toMatchObject({
      code: 'no-image',
      message: expect.stringContaining('several kernels'),
    });
    expect(await refusal(two, { release: '5.5' })).toMatchObject({ code: 'no-image' });
    for (const options of [{ release: '6.1.0-other' }, { prefer: '6.1.0-other' }]) {
      expect((await openKernelImage(two, silentUi, options)).release).toBe('6.1.0-other');
    }
    expect((await openKernelImage(tree, silentUi, { prefer: '6.1.0-other' })).release).toBe(
      RELEASE,
    );
  });

  test('is refused if it is none', async () => {
    const empty = path.join(folder, 'empty');
    mkdirSync(empty);
    expect(await refusal(empty)).toMatchObject({ code: 'no-image' });
    expect(await refusal(path.join(folder, 'absent'))).toMatchObject({ code: 'no-image' });
    const renamed = path.join(folder, 'renamed/boot');
    mkdirSync(renamed, { recursive: true });
    writeFileSync(path.join(renamed, 'vmlinuz-6.6.6'), tinyKernel());
    expect(await refusal(path.dirname(renamed))).toMatchObject({ code: 'bad-image' });
  });
});

describe('a kernel in packages of its own', () => {
  const BINARY = `linux-binary-unsigned-${SPLIT}_7.3-1_amd64.deb`;
  const MODULES = `linux-modules-${SPLIT}_7.3-1_amd64.deb`;

  test.for(['vmlinuz', 'vmlinuz.unsigned'])('is unpacked to one place, as %s', async (vmlinuz) => {
    const root = path.join(folder, `split-${vmlinuz}`);
    makeSplitTree(root, vmlinuz);
    const { kernel, release } = await openKernelImage(root, silentUi);
    expect(release).toBe(SPLIT);
    expect(kernel.lookup('hook', 'pressed')).toHaveLength(1);
    expect(await refusal(root, { release: '5.5' })).toMatchObject({ code: 'no-image' });
  });

  test('is the same, whether it is signed or not, or both are there', async () => {
    const root = path.join(folder, 'twins');
    makeSplitTree(root, 'vmlinuz.unsigned');
    const alone = await openKernelImage(root, silentUi);
    const place = path.join(root, 'usr/lib/modules', SPLIT);
    const unsigned = readFileSync(path.join(place, 'vmlinuz.unsigned'));
    writeFileSync(path.join(place, 'vmlinuz'), Buffer.concat([unsigned, Buffer.alloc(1528, 0x30)]));
    const both = await openKernelImage(root, silentUi);
    expect(both.symbols).toEqual(alone.symbols);
    expect(both.kernel.read(TEXT, 4096)).toEqual(alone.kernel.read(TEXT, 4096));
    expect(both.kernel.lookup('hook', 'pressed')).toHaveLength(1);
  });

  test('is not taken without its modules', async () => {
    const root = path.join(folder, 'bare');
    makeSplitTree(root, 'vmlinuz.unsigned', { modules: false });
    expect(await refusal(root)).toMatchObject({
      code: 'no-image',
      message: expect.stringContaining('without its modules'),
      advice: expect.stringContaining(`linux-modules-${SPLIT}`),
    });
    const alone = makePackage(root, BINARY);
    expect(await refusal(alone)).toMatchObject({
      code: 'no-image',
      advice: expect.stringContaining(MODULES),
    });
  });

  test('is read from both packages', async () => {
    const root = path.join(folder, 'parts');
    makeSplitTree(root, 'vmlinuz');
    const place = path.join(root, 'usr/lib/modules', SPLIT);
    rmSync(path.join(place, 'vmlinuz'));
    const modules = makePackage(root, MODULES);
    expect(await refusal(modules)).toMatchObject({
      code: 'no-image',
      message: expect.stringContaining('holds no kernel'),
      advice: expect.stringContaining(`linux-binary-${SPLIT}`),
    });
    expect(await refusal(root)).toMatchObject({
      code: 'no-image',
      message: expect.stringContaining(`has the modules of ${SPLIT} without the kernel`),
      advice: expect.stringContaining(`unpack linux-binary-${SPLIT}, of the same version`),
    });
    rmSync(path.join(place, 'kernel'), { recursive: true });
    makeSplitTree(root, 'vmlinuz', { modules: false });
    const deb = makePackage(root, BINARY);
    const files = await openKernelImage(deb, silentUi);
    expect(files.release).toBe(SPLIT);
    expect(files.kernel.hasTarget('pressed')).toBe(true);
    await files.prepare(['pressed']);
    expect(files.kernel.lookup('hook', 'pressed')).toHaveLength(1);
  });
});

describe('a Debian package', () => {
  test('is read without unpacking it', async () => {
    const deb = makePackage(tree, 'tiny.deb');
    const files = await openKernelImage(deb, silentUi, { modules: ['zipped'] });
    expect(files.release).toBe(RELEASE);
    expect(files.kernel.lookup('hook', 'zipped')).toHaveLength(1);
    expect(files.kernel.hasTarget('plain_one')).toBe(true);
    // The package is read again for what was not asked for.
    expect((await files.moduleFile('plain_one'))?.section('.rodata')).toBeDefined();
    await files.prepare(['pressed']);
    expect(files.kernel.lookup('hook', 'pressed')).toHaveLength(1);
  });

  const TWO = `linux-binary-${SPLIT} linux-modules-${SPLIT}`;
  test.each([
    [`linux-image-${SPLIT}_7.3-1_amd64.deb`, 'holds no kernel', `apt-get download ${TWO},`],
    [`linux-modules-${SPLIT}_7.3-1_amd64.deb`, 'holds no kernel', `apt-get download ${TWO},`],
    [`linux-image-${SPLIT}-dbg_7.3-1_amd64.deb`, 'holds no kernel', `apt-get download ${TWO},`],
    [
      'linux-image-6.12.8-tiny-dbg_6.12.8-1_amd64.deb',
      'holds no kernel',
      'apt-get download linux-image-6.12.8-tiny,',
    ],
    ['linux-image-amd64_7.3-1_amd64.deb', 'only names others', 'depends linux-image-amd64'],
    ['linux-binary-rt-amd64_7.3-1_amd64.deb', 'only names others', 'depends linux-binary-rt-amd64'],
  ])('%s is refused without a kernel, with the packages that have it', async (name, what, how) => {
    const root = path.join(folder, 'hollow/usr/share/doc');
    mkdirSync(root, { recursive: true });
    expect(await refusal(makePackage(path.join(folder, 'hollow'), name))).toMatchObject({
      code: 'no-image',
      message: expect.stringContaining(what),
      advice: expect.stringContaining(how),
    });
  });

  test('is refused if it holds no kernel, is cut, or is something else', async () => {
    const other = path.join(folder, 'other/usr/share/doc');
    mkdirSync(other, { recursive: true });
    writeFileSync(path.join(other, 'x'), 'x');
    expect(await refusal(makePackage(path.join(folder, 'other'), 'other.deb'))).toMatchObject({
      code: 'bad-image',
    });
    const cut = makePackage(tree, 'cut.deb');
    for (const part of [0.95, 0.5, 0.1, 0.001]) {
      truncateSync(cut, Math.floor(readFileSync(cut).length * part));
      expect(await refusal(cut)).toMatchObject({ code: 'bad-archive' });
    }
    writeFileSync(path.join(folder, 'text.deb'), 'not a package at all');
    expect(await refusal(path.join(folder, 'text.deb'))).toMatchObject({ code: 'bad-archive' });
  });
});
