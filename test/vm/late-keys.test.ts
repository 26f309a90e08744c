// A module with a static key and a static call of its own, which is patched while it is
// being loaded. The kernel has lists of the code that uses them, and the new code is in
// those lists before the module runs, and must be out of them when it does not start.

import { execFileSync } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { configure, ksplice, kspliceFails, kspliceIn, kspliceModules, ROOT } from './ksplice.js';

const FIXTURE = join(ROOT, 'test', 'fixtures', 'module-keys');
const folder = join(ROOT, '.work', 'module-keys');
const source = join(folder, 'source');
const updateOf = (id: string) => join(folder, `ksplice-${id}.tar.gz`);
const PATIENT = { timeoutMs: 240_000 };
const NEW = ' in new code';
let kernel: TestKernel;

beforeAll(async () => {
  kernel = await testKernel();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(FIXTURE, source, { recursive: true });
  execFileSync('make', ['-s', '-C', kernel.headers, `M=${source}`, 'modules'], { stdio: 'pipe' });
  const confdir = join(folder, 'conf');
  await configure(kernel, confdir, { source: false });
  for (const id of ['keys', 'large']) {
    const change = ['--module', source, '--patch', join(FIXTURE, `${id}.patch`)];
    await ksplice(['create', ...change, '--config', confdir, '--id', id, '--output', folder]);
  }
});

it('uses the static key and the static call of a module that is loaded later', async () => {
  await withGuest({ name: 'late-keys', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    const says = '/sys/module/word_keys/parameters/says';
    const turn = async (on: 0 | 1) => await guest.ok(`echo ${on} >${says} && cat ${says}`);
    const insmod = (words = '') => guest.run(`insmod ${source}/word_keys.ko ${words}`, PATIENT);
    const atInit = async () =>
      (await guest.dmesg()).flatMap(({ text }) => /at init: (.*)/.exec(text)?.[1] ?? []);

    const applied = await kspliceIn(guest, `apply --partial ${updateOf('keys')}`);
    expect(applied).toMatchObject({ waiting: ['word_keys'] });
    // The machine of the tests may be slow.
    await guest.ok('echo 200 >/sys/module/ksplice/parameters/helper_seconds');

    expect(await insmod('fail=1')).toMatchObject({ status: 1 });
    expect(await atInit()).toEqual([`quiet 1${NEW}`]);
    expect(await kspliceModules(guest)).toEqual(['ksplice']);
    expect(await insmod()).toMatchObject({ status: 0 });
    expect(await atInit()).toEqual([`quiet 1${NEW}`, `quiet 1${NEW}`]);
    expect(await turn(1)).toBe(`loud 1000${NEW}`);
    expect(await turn(0)).toBe(`quiet 1${NEW}`);
    expect(await turn(1)).toBe(`loud 1000${NEW}`);

    await kspliceIn(guest, 'undo keys');
    expect(await kspliceModules(guest)).toEqual([]);
    expect(await guest.ok(`cat ${says}`)).toBe('loud 1000');
    expect(await turn(0)).toBe('quiet 1');
    await guest.ok('rmmod word_keys');
    expect(await insmod()).toMatchObject({ status: 0 });
    expect((await atInit()).at(-1)).toBe('quiet 1');
    await guest.ok('rmmod word_keys');

    // Its new code calls a function, and while the module is loaded another one has that name.
    expect(await kspliceFails(guest, `apply --partial ${updateOf('large')}`)).toMatchObject({
      code: 'target-not-loaded',
      message: expect.stringContaining('needs large in the state after'),
    });
    expect(await insmod()).toMatchObject({ status: 0 });
    await kspliceIn(guest, `apply ${updateOf('large')}`);
    expect(await turn(0)).toBe('quiet 1 of 1000');
    await kspliceIn(guest, 'undo large');
  });
});
