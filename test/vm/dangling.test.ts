// New code whose address others get: it is called back by a file that was opened while the update was
// applied, and by a work item. Undone and unloaded, it would leave them with a pointer to nothing.

import { beforeAll, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import {
  kspliceFails,
  kspliceIn,
  kspliceModules,
  type SourceEdit,
  sourcePatch,
} from './ksplice.js';
import { Workshop } from './workshop.js';

const FILE = 'fs/proc/base.c';
const OPEN = /^static int comm_open\(.*\)\n\{\n/m;

/** A file that is opened to be read to its end is shown by another function. */
const LOUD: SourceEdit = [
  /^(static int comm_open\(.*\)\n\{\n)\treturn single_open\(filp, comm_show, inode\);\n/m,
  `static int loud_show(struct seq_file *m, void *v)
{
	seq_puts(m, "loud ");
	return comm_show(m, v);
}

$1	return single_open(filp, filp->f_flags & O_NONBLOCK ? comm_show : loud_show, inode);
`,
];
/** The function that shows such a file has another name, and says more. */
const RENAMED: SourceEdit[] = [
  [/\bcomm_show\b/g, 'task_name_show'],
  [
    /^(\tproc_task_name\(m, p, false\);\n\tseq_putc\(m, ')(\\n'\);\n)/m,
    "\tseq_putc(m, '>');\n$1$2",
  ],
];
/** Whoever opens such a file has a work item run two seconds later. */
const LATER = `static int later_runs;
static void later_fn(struct work_struct *work)
{
	later_runs++;
}
static DECLARE_DELAYED_WORK(later_work, later_fn);
`;
const QUEUES: SourceEdit = [OPEN, `${LATER}\n$&\tschedule_delayed_work(&later_work, 2 * HZ);\n`];
/** The same, and an undo takes it back. */
const CANCELS: SourceEdit = [
  OPEN,
  `${LATER}
#include "ksplice-patch.h"
static void cancel_later(void)
{
	cancel_delayed_work_sync(&later_work);
}
ksplice_post_reverse(cancel_later);
ksplice_undo_safe(later_work);

$&	schedule_delayed_work(&later_work, 600 * HZ);
`,
];

let kernel: TestKernel;
const updates: Record<string, string> = {};

beforeAll(async () => {
  kernel = await testKernel();
  const workshop = await Workshop.open(kernel, 'dangling');
  const edits = { loud: [LOUD], queues: [QUEUES], cancels: [CANCELS], renamed: RENAMED };
  for (const [id, list] of Object.entries(edits)) {
    updates[id] = await workshop.create(id, sourcePatch(kernel, FILE, list));
  }
});

/** Undo leaves the new code loaded, and nobody can unload it by hand. */
async function undoKeeps(guest: Guest, id: string, symbols: string[]): Promise<void> {
  const undone = (await kspliceIn(guest, `undo ${id}`)) as {
    because: string;
    stayLoaded: string[];
    addressesOut: { symbol: string }[];
  };
  expect(undone).toMatchObject({ changed: true, because: 'addresses-out', coreUnloaded: false });
  expect(undone.addressesOut.map(({ symbol }) => symbol)).toEqual(symbols);
  expect(undone.stayLoaded).toContain(`ksplice_${id}_vmlinux_new`);
  const byHand = await guest.run(`rmmod ksplice_${id}_vmlinux_new`);
  expect(byHand.status).not.toBe(0);
  expect(await kspliceIn(guest, `view ${id}`)).toMatchObject({
    stage: 'leaving',
    note: expect.stringContaining('stays loaded until the next boot'),
  });
}

it('new code stays after undo for a file that was opened before', async () => {
  await withGuest({ name: 'dangling', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    const plain = (await guest.ok('cat /proc/self/comm')).trim();
    await kspliceIn(guest, `apply ${updates.loud}`);
    const reader = guest.spawn(
      'exec 3</proc/self/comm; touch /tmp/open; until [ -e /tmp/read ]; do sleep 0.1; done; cat <&3',
    );
    await guest.ok('until [ -e /tmp/open ]; do sleep 0.1; done');
    await undoKeeps(guest, 'loud', ['loud_show']);
    expect((await guest.ok('cat /proc/self/comm')).trim()).toBe(plain);
    await guest.ok('touch /tmp/read');
    const { stdout } = await reader.finished();
    expect(stdout).toMatch(/^loud /);
    // To undo it once more changes nothing, and it cannot be applied where it stands.
    expect(await kspliceIn(guest, 'undo loud')).toMatchObject({
      changed: false,
      because: 'addresses-out',
    });
    const again = await kspliceFails(guest, `apply ${updates.loud}`);
    expect(again).toMatchObject({ code: 'busy' });
    expect(JSON.stringify(again)).toContain('undo loud --dangling');
    // Another update of the same function has nothing against it.
    await kspliceIn(guest, `apply ${updates.queues}`);
    await guest.ok('cat /proc/self/comm');
    await undoKeeps(guest, 'queues', ['later_work', 'later_fn']);
    await guest.ok('sleep 3');
    for (const id of ['loud', 'queues']) {
      expect(await kspliceIn(guest, `undo ${id} --dangling`)).toMatchObject({ because: null });
    }
    expect(await kspliceModules(guest)).toEqual([]);
  });
});

it('new code goes if the hooks of the undo take back who has its address', async () => {
  await withGuest({ name: 'dangling-safe', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    await kspliceIn(guest, `apply ${updates.cancels}`);
    await guest.ok('cat /proc/self/comm');
    expect(await kspliceIn(guest, 'undo cancels')).toMatchObject({ because: null, stayLoaded: [] });
    expect(await kspliceModules(guest)).toEqual([]);
    await guest.ok('cat /proc/self/comm');
  });
});

it('a function with another name has the address that it had', async () => {
  await withGuest({ name: 'dangling-renamed', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    const plain = (await guest.ok('cat /proc/self/comm')).trim();
    const script = [
      'exec 3</proc/self/comm; touch /tmp/before; until [ -e /tmp/applied ]; do sleep 0.1; done',
      'cat <&3; exec 4</proc/self/comm; touch /tmp/during',
      'until [ -e /tmp/undone ]; do sleep 0.1; done; cat <&4',
    ];
    const reader = guest.spawn(script.join('; '));
    await guest.ok('until [ -e /tmp/before ]; do sleep 0.1; done');
    await kspliceIn(guest, `apply ${updates.renamed}`);
    expect((await guest.ok('cat /proc/self/comm')).trim()).toBe(`>${plain}`);
    await guest.ok('touch /tmp/applied; until [ -e /tmp/during ]; do sleep 0.1; done');
    expect(await kspliceIn(guest, 'undo renamed')).toMatchObject({ because: null });
    expect(await kspliceModules(guest)).toEqual([]);
    await guest.ok('touch /tmp/undone');
    const { stdout } = await reader.finished();
    expect(stdout).toMatch(/^>(\w+)\n\1\n$/);
  });
});
