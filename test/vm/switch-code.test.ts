// Code that the switch itself is made of, that handles breakpoints, or that runs in NMIs: it is replaced where
// that is safe, and refused where it is always in use.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import {
  configure,
  ksplice,
  kspliceFails,
  kspliceIn,
  kspliceModules,
  ROOT,
  type SourceEdit,
  sourcePatch,
} from './ksplice.js';

let kernel: TestKernel;
let folder: string;
let confdir: string;

beforeAll(async () => {
  kernel = await testKernel();
  await mkdir(join(ROOT, '.work'), { recursive: true });
  folder = await mkdtemp(join(ROOT, '.work', 'switch-code-'));
  confdir = join(folder, 'conf');
  await configure(kernel, confdir);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An update of functions that are each to begin with a further instruction, in some files. */
async function create(id: string, files: Readonly<Record<string, RegExp[]>>): Promise<string> {
  const patches = Object.entries(files).map(([file, heads]) => {
    const edits = heads.map((head): SourceEdit => [head, '$&\tasm volatile("nop");\n']);
    return sourcePatch(kernel, file, edits);
  });
  const patch = join(folder, `${id}.patch`);
  await writeFile(patch, patches.join(''));
  const words = ['--patch', patch, '--config', confdir, '--id', id, '--output', folder];
  await ksplice(['create', ...words]);
  return join(folder, `ksplice-${id}.tar.gz`);
}

it('the code of the switch is replaced, or refused as always in use', async () => {
  const stopper = await create('stopper', {
    'kernel/stop_machine.c': [/^static int multi_cpu_stop\(.*\)\n\{\n/m],
  });
  const tools = await create('tools', {
    'arch/x86/kernel/unwind_orc.c': [/^bool unwind_next_frame\(.*\)\n\{\n/m],
    'kernel/time/timekeeping.c': [/^u64 notrace ktime_get_mono_fast_ns\(.*\)\n\{\n/m],
    'arch/x86/kernel/alternative.c': [/^void \*text_poke_kgdb\(.*\)\n\{\n/m],
  });
  const breakpoints = await create('breakpoints', {
    'kernel/notifier.c': [/^int notrace notify_die\([^{]*\)\n\{\n/m],
  });
  await withGuest({ name: 'switch-code', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    expect(await kspliceFails(guest, `apply ${stopper} --timeout 3`)).toMatchObject({
      code: 'busy',
    });
    for (let round = 0; round < 3; round++) {
      await kspliceIn(guest, `apply ${tools}`);
      expect(await guest.ok('cat /proc/self/stack')).toMatch(/proc_pid_stack/);
      await kspliceIn(guest, 'undo tools');
    }
    expect(await kspliceFails(guest, `apply ${breakpoints}`)).toMatchObject({
      code: 'aborted',
      message: expect.stringContaining('may run in an NMI'),
    });
    expect(await kspliceModules(guest)).toEqual([]);
  });
});
