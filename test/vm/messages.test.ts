// Messages of pr_debug() that are switched on stay on when the function that has them is replaced.

import { beforeAll, expect, it } from 'vitest';
import { hasOption, type TestKernel, testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { kspliceIn, kspliceModules, sourcePatch } from './ksplice.js';
import { Workshop } from './workshop.js';

const CONTROL = '/proc/dynamic_debug/control';
const NEW = 'ksplice_messages_vmlinux_new';

let kernel: TestKernel;
let update: string;

beforeAll(async () => {
  kernel = await testKernel();
  const workshop = await Workshop.open(kernel, 'messages');
  const patch = sourcePatch(kernel, 'lib/kobject.c', [
    [
      /^static void kobject_cleanup\(struct kobject \*kobj\)\n\{\n[\s\S]*?\n\n/m,
      '$&\tif (!kobj->ktype && !kobj->name)\n\t\tpr_warn("nothing to clean up\\n");\n',
    ],
  ]);
  update = await workshop.create('messages', patch);
});

it('messages that are on stay on, and the others stay off', async ({ skip }) => {
  if (!(await hasOption(kernel, 'DYNAMIC_DEBUG'))) skip('this kernel has no switches for them');
  await withGuest({ name: 'messages', kernel, timeoutMs: 900_000 }, async (guest) => {
    const flags = async (module: string) => {
      const list = await guest.ok(`grep -F '[${module}]kobject_cleanup ' ${CONTROL}`);
      const lines = list.trim().split('\n');
      return lines.map((line) => /\]kobject_cleanup =(\S+) "/.exec(line)?.[1]);
    };
    await guest.ok(`echo 'func kobject_cleanup format "ktype release" +p' >${CONTROL}`);
    const before = await flags('kobject');
    expect(before.filter((one) => one === 'p')).toHaveLength(1);
    await kspliceIn(guest, `apply ${update}`);
    expect(await flags(NEW)).toEqual(before);
    await kspliceIn(guest, 'undo messages');
    expect(await kspliceModules(guest)).toEqual([]);
  });
});
