// Constants that boot code fills in, in new code (docs/kernel-core.md): the hash table of names is found by
// an address and a shift count of this boot. With another count no name would be found in it. Kernels before
// 6.12 have them in variables, and the test is one of a hot function.

import { expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { kspliceIn, kspliceModules, sourcePatch } from './ksplice.js';
import { Workshop } from './workshop.js';

const kernel = await testKernel();
const FOUND = 'ksplice test: a name was found in the table';

/** Both lookups say so when they find something. */
const found = (last: string): [RegExp, string] => [
  new RegExp(`(^struct dentry \\*__d_lookup(?:_rcu)?\\([\\s\\S]*?)(\\n\\t\\t${last})`, 'm'),
  `$1\n\t\tpr_info_once("${FOUND}\\n");$2`,
];

it('operands of this boot are what they are in the running kernel', async () => {
  const workshop = await Workshop.open(kernel, 'runtime-constants');
  const patch = sourcePatch(kernel, 'fs/dcache.c', [found('\\*seqp = seq;')]);
  const update = await workshop.create('constants', patch);
  await withGuest({ name: 'runtime-constants', kernel }, async (guest) => {
    const applied = await kspliceIn(guest, `apply ${update}`);
    expect(applied).toMatchObject({ stage: 'applied', targets: ['vmlinux'] });
    const look =
      'mkdir -p /run/test/a/b && for i in {1..50}; do stat /run/test/a/b /etc/passwd; done';
    await guest.ok(look);
    const log = await guest.dmesg();
    expect(log.map(({ text }) => text).join('\n')).toContain(FOUND);
    await kspliceIn(guest, 'undo constants');
    expect(await kspliceModules(guest)).toEqual([]);
    await guest.ok(look);
  });
});
