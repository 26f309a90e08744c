// A live kernel is measured: docs/examples/count.patch adds counters to a function that every
// read and write passes, and a file that shows them while the update is applied.

import { beforeAll, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { exampleUpdate, kspliceFails, kspliceIn, kspliceModules } from './ksplice.js';

const FILE = '/sys/kernel/debug/io_sizes';
/** A size that nothing else in a guest reads or writes at once. */
const SIZE = 5_000_000;
const CLASS = 2 ** Math.floor(Math.log2(SIZE));
const READS = 30;
const READ = `dd if=/dev/zero of=/dev/null bs=${SIZE} count=${READS} 2>/dev/null`;

let kernel: TestKernel;
let update: string;

beforeAll(async () => {
  kernel = await testKernel();
  ({ file: update } = await exampleUpdate(kernel, 'count', 'count'));
});

/** How many reads and writes of about that size were counted. */
async function counted(guest: Guest): Promise<number[]> {
  const line = await guest.ok(`awk '$1 == ${CLASS} { print $2, $3 }' ${FILE}`);
  return line === '' ? [0, 0] : line.trim().split(' ').map(Number);
}

it('counts the sizes of reads and writes while it is applied, and leaves nothing', async () => {
  await withGuest({ name: 'count', kernel, timeoutMs: 900_000 }, async (guest) => {
    await guest.ok('mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug');
    await guest.ok(READ);
    await kspliceIn(guest, `apply ${update}`);
    const before = await counted(guest);
    await guest.ok(READ);
    // dd writes as much as it reads.
    expect(await counted(guest)).toEqual(before.map((count) => count + READS));

    // Who has the file open keeps the new code loaded, not the counting.
    const reader = guest.spawn(`exec 3<${FILE}; echo open; read; cat <&3; echo "status $?"`);
    await reader.output(/open/, 60_000);
    const refused = await kspliceFails(guest, 'undo count --timeout 1');
    expect(refused).toMatchObject({
      code: 'load-failed',
      message: expect.stringMatching(/old code of count runs again.*cannot be unloaded/),
    });
    await guest.ok(`! test -e ${FILE}`);
    reader.kill('SIGKILL');
    await reader.finished();
    await kspliceIn(guest, 'undo count');
    expect(await kspliceModules(guest)).toEqual([]);
    await guest.ok(READ);
  });
});
