// Tasks that have left the kernel's list of processes and still run: release_task() and what it calls. Nobody
// who goes through that list finds them. Without the core's own look, undo unloads new code under such a task.

import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, it } from 'vitest';
import { hasOption, type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { kspliceFails, kspliceIn, kspliceModules, ROOT, sourcePatch } from './ksplice.js';
import { Workshop } from './workshop.js';

const HEADERS = '#include <linux/delay.h>\n#include <linux/panic.h>\n';

let kernel: TestKernel;
let update: string;
let lingerers: string;

beforeAll(async () => {
  kernel = await testKernel();
  const workshop = await Workshop.open(kernel, 'exiting');
  lingerers = join(workshop.folder, 'lingerers');
  const source = join(ROOT, 'test/fixtures/live/lingerers.c');
  await execa('gcc', ['-O2', '-Wall', '-pthread', '-o', lingerers, source]);
  const patch = sourcePatch(kernel, 'arch/x86/kernel/process_64.c', [
    [
      /^void release_thread\(.*\)\n\{\n/m,
      `${HEADERS}$&\twhile (dead_task == current && !strcmp(current->comm, "lingerer") &&\n\t       panic_timeout == 77)\n\t\tmsleep(50);\n`,
    ],
  ]);
  update = await workshop.create('linger', patch);
});

/** Undo is busy while the task lingers, and says who it is; then it succeeds. */
async function undoWaits(guest: Guest): Promise<void> {
  const refused = (await kspliceFails(guest, 'undo linger --timeout 1')) as {
    code: string;
    details?: { conflicts: { command: string; place: string }[] };
  };
  expect(refused.code).toBe('busy');
  // Without tracepoints it is only known that there is somebody.
  const whom = (await hasOption(kernel, 'TRACEPOINTS'))
    ? /"lingerer".*release_thread/
    : /"exiting".*unreliable/;
  expect(JSON.stringify(refused.details?.conflicts)).toMatch(whom);
  await guest.ok('sysctl -q kernel.panic=-1');
  await kspliceIn(guest, 'undo linger --timeout 60');
  expect(await kspliceModules(guest)).toEqual([]);
}

it('new code stays while a task is in it that reaps itself', async () => {
  await withGuest({ name: 'exiting', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    for (const kind of ['', 'thread']) {
      await kspliceIn(guest, `apply ${update}`);
      await guest.ok('sysctl -q kernel.panic=77');
      const program = guest.spawn(`exec ${lingerers} ${kind}`);
      // It is in no list any more.
      await guest.ok('sleep 1; ! pgrep -x lingerer');
      await undoWaits(guest);
      program.kill();
      await program.finished();
    }
  });
});
