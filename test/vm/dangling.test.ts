// New code whose address others get: it is called back by a file that was opened while the update was
// applied, and by a work item. Undone and unloaded, it would leave them with a pointer to nothing.

import { beforeAll, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { long } from '../support/long.js';
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
/** Whoever opens such a file starts a work item that queues itself again, and stays when it is told to. */
const LINGERS: SourceEdit = [
  OPEN,
  `#include <linux/delay.h>
#include <linux/mman.h>
static void linger_fn(struct work_struct *work)
{
	while (sysctl_overcommit_ratio == 77)
		msleep(50);
	if (sysctl_overcommit_ratio == 76)
		schedule_delayed_work(to_delayed_work(work), HZ / 2);
}
static DECLARE_DELAYED_WORK(linger_work, linger_fn);

$&	schedule_delayed_work(&linger_work, HZ / 2);
`,
];
/** An undo takes the work item back. */
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

/** Nobody has the address of what this adds, until another update on top gives it away. */
const SHOWN = /^static int comm_show\(struct seq_file \*m, void \*v\)\n\{\n[\s\S]*?^\}\n/m;
const LOWER: SourceEdit[] = [
  [
    SHOWN,
    `static noinline int lower_show(struct seq_file *m, void *v);
static int comm_show(struct seq_file *m, void *v)
{
	return lower_show(m, v);
}

static noinline int lower_show(struct seq_file *m, void *v)
{
	struct inode *inode = m->private;
	struct task_struct *p = get_proc_task(inode);

	if (!p)
		return -ESRCH;
	seq_puts(m, "lower ");
	proc_task_name(m, p, false);
	seq_putc(m, '\\n');
	put_task_struct(p);
	return 0;
}
`,
  ],
];
const UPPER: SourceEdit[] = [
  [
    /^(static int comm_open\(.*\)\n\{\n\treturn single_open\(filp, )comm_show/m,
    '$1filp->f_flags & O_NONBLOCK ? comm_show : lower_show',
  ],
];
/** The work item of a static key that is let go later. */
const DEFERRED: SourceEdit = [
  OPEN,
  `#include <linux/jump_label_ratelimit.h>
static DEFINE_STATIC_KEY_DEFERRED_FALSE(late_key, 3 * HZ);

$&	static_branch_deferred_inc(&late_key);
	static_branch_slow_dec_deferred(&late_key);
`,
];
/** A callback of RCU that queues itself again, for some time. */
const AGAIN: SourceEdit = [
  OPEN,
  `struct again {
	struct rcu_head rcu;
	unsigned long until;
};

static void again_fn(struct rcu_head *rcu)
{
	struct again *again = container_of(rcu, struct again, rcu);

	if (time_before(jiffies, again->until))
		call_rcu(rcu, again_fn);
	else
		kfree(again);
}

$&	struct again *again = kzalloc(sizeof(*again), GFP_KERNEL);

	if (again) {
		again->until = jiffies + 4 * HZ;
		call_rcu(&again->rcu, again_fn);
	}
`,
];
/** What a search finds in a table is handed out. */
const FOUND: SourceEdit = [
  /^(static int comm_open\(.*\)\n\{\n)\treturn single_open\(filp, comm_show, inode\);\n/m,
  `#include <linux/bsearch.h>
struct way {
	int key;
	int (*show)(struct seq_file *m, void *v);
};

static int found_show(struct seq_file *m, void *v)
{
	seq_puts(m, "found ");
	return comm_show(m, v);
}

static const struct way ways[] = { { 0, comm_show }, { 5, found_show } };

static int by_key(const void *key, const void *way)
{
	return *(const int *)key - ((const struct way *)way)->key;
}

$1	int key = filp->f_flags & O_NONBLOCK ? 0 : 5;
	const struct way *way = bsearch(&key, ways, ARRAY_SIZE(ways), sizeof(*ways), by_key);

	return single_open(filp, way ? way->show : comm_show, inode);
`,
];

const EDITS = {
  loud: [LOUD],
  queues: [QUEUES],
  lingers: [LINGERS],
  cancels: [CANCELS],
  renamed: RENAMED,
  lower: LOWER,
  deferred: [DEFERRED],
  again: [AGAIN],
  found: [FOUND],
};

let kernel: TestKernel;
let workshop: Workshop;
beforeAll(async () => {
  kernel = await testKernel();
  workshop = await Workshop.open(kernel, 'dangling');
});

const create = (id: keyof typeof EDITS) =>
  workshop.create(id, sourcePatch(kernel, FILE, EDITS[id]));

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

/** A process that has opened the file, and reads it when there is /tmp/read. */
async function openReader(guest: Guest) {
  const reader = guest.spawn(
    'exec 3</proc/self/comm; touch /tmp/open; until [ -e /tmp/read ]; do sleep 0.1; done; cat <&3',
  );
  await guest.ok('until [ -e /tmp/open ]; do sleep 0.1; done');
  return reader;
}

it('new code stays after undo for a file that was opened before', async () => {
  const updates = { loud: await create('loud'), queues: await create('queues') };
  await withGuest({ name: 'dangling', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    const plain = (await guest.ok('cat /proc/self/comm')).trim();
    await kspliceIn(guest, `apply ${updates.loud}`);
    const reader = await openReader(guest);
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

long(
  'new code stays for a task that came in after undo, whatever is said about its addresses',
  async () => {
    const lingers = await create('lingers');
    await withGuest({ name: 'dangling-lingers', kernel, timeoutMs: 1_800_000 }, async (guest) => {
      await kspliceIn(guest, `apply ${lingers}`);
      await guest.ok('sysctl -q vm.overcommit_ratio=76; cat /proc/self/comm');
      await undoKeeps(guest, 'lingers', ['linger_work', 'linger_fn']);
      await guest.ok('sysctl -q vm.overcommit_ratio=77; sleep 2');
      const refused = await kspliceFails(guest, 'undo lingers --dangling --timeout 1');
      expect(refused).toMatchObject({
        code: 'busy',
        message: expect.stringMatching(/runs again.*: kworker\S* \(\d+\) in linger_fn\+0x/),
      });
      await guest.ok('sysctl -q vm.overcommit_ratio=50; sleep 1');
      expect(await kspliceIn(guest, 'undo lingers --dangling')).toMatchObject({ because: null });
      expect(await kspliceModules(guest)).toEqual([]);
    });
  },
);

long('new code goes if the hooks of the undo take back who has its address', async () => {
  const cancels = await create('cancels');
  await withGuest({ name: 'dangling-safe', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    await kspliceIn(guest, `apply ${cancels}`);
    await guest.ok('cat /proc/self/comm');
    expect(await kspliceIn(guest, 'undo cancels')).toMatchObject({ because: null, stayLoaded: [] });
    expect(await kspliceModules(guest)).toEqual([]);
    await guest.ok('cat /proc/self/comm');
  });
});

it('a function with another name has the address that it had', async () => {
  const renamed = await create('renamed');
  await withGuest({ name: 'dangling-renamed', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    const plain = (await guest.ok('cat /proc/self/comm')).trim();
    const script = [
      'exec 3</proc/self/comm; touch /tmp/before; until [ -e /tmp/applied ]; do sleep 0.1; done',
      'cat <&3; exec 4</proc/self/comm; touch /tmp/during',
      'until [ -e /tmp/undone ]; do sleep 0.1; done; cat <&4',
    ];
    const reader = guest.spawn(script.join('; '));
    await guest.ok('until [ -e /tmp/before ]; do sleep 0.1; done');
    await kspliceIn(guest, `apply ${renamed}`);
    expect((await guest.ok('cat /proc/self/comm')).trim()).toBe(`>${plain}`);
    await guest.ok('touch /tmp/applied; until [ -e /tmp/during ]; do sleep 0.1; done');
    expect(await kspliceIn(guest, 'undo renamed')).toMatchObject({ because: null });
    expect(await kspliceModules(guest)).toEqual([]);
    await guest.ok('touch /tmp/undone');
    const { stdout } = await reader.finished();
    expect(stdout).toMatch(/^>(\w+)\n\1\n$/);
  });
});

long('new code stays below another update that has given away its address', async () => {
  const lower = await create('lower');
  const upper = await workshop.create(
    'upper',
    sourcePatch(kernel, FILE, UPPER, LOWER),
    '--on',
    lower,
  );
  await withGuest({ name: 'dangling-stacked', kernel, timeoutMs: 1_800_000 }, async (guest) => {
    await kspliceIn(guest, `apply ${lower}`);
    expect(await guest.ok('cat /proc/self/comm')).toBe('lower cat');
    await kspliceIn(guest, `apply ${upper}`);
    const reader = await openReader(guest);
    await undoKeeps(guest, 'upper', ['lower_show']);
    const refused = await kspliceFails(guest, 'undo lower');
    expect(refused).toMatchObject({ code: 'stacked' });
    await guest.ok('touch /tmp/read');
    expect((await reader.finished()).stdout).toMatch(/^lower /);
    for (const id of ['upper --dangling', 'lower']) {
      expect(await kspliceIn(guest, `undo ${id}`)).toMatchObject({ because: null });
    }
    expect(await kspliceModules(guest)).toEqual([]);
  });
});

long(
  'new code stays for what is queued by a key or a callback, and for what was searched',
  async () => {
    const queuers = { deferred: await create('deferred'), again: await create('again') };
    const found = await create('found');
    await withGuest({ name: 'dangling-queued', kernel, timeoutMs: 1_800_000 }, async (guest) => {
      const queued = { deferred: ['late_key'], again: ['again_fn'] };
      for (const id of ['deferred', 'again'] as const) {
        const symbols = queued[id];
        await kspliceIn(guest, `apply ${queuers[id]}`);
        await guest.ok('cat /proc/self/comm');
        await undoKeeps(guest, id, symbols);
        await guest.ok('sleep 6');
        expect(await kspliceIn(guest, `undo ${id} --dangling`)).toMatchObject({ because: null });
      }
      await kspliceIn(guest, `apply ${found}`);
      const reader = await openReader(guest);
      await undoKeeps(guest, 'found', ['found_show']);
      await guest.ok('touch /tmp/read');
      expect((await reader.finished()).stdout).toMatch(/^found /);
      await kspliceIn(guest, 'undo found --dangling');
      expect(await kspliceModules(guest)).toEqual([]);
    });
  },
);
