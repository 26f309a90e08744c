// Patches that need more than new functions, from source to the running kernel: one
// gives a live variable another value, one adds a lock and a count to objects whose
// structure has no room for them.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Edit, ROOT, writePatch } from '../support/scratch.js';
import { withGuest } from './harness/index.js';
import { configure, ksplice, kspliceFails, kspliceIn, kspliceModules } from './ksplice.js';

const NEW_VALUE = 131_072;
const VALUE = '/proc/sys/net/core/optmem_max';

/** A variable that nothing but its initial value changes, and sysctl. */
const initialValue: Edit = {
  path: 'net/core/sock.c',
  from: /^int sysctl_optmem_max __read_mostly = ([^;]*);$([\s\S]*)/m,
  to: `int sysctl_optmem_max __read_mostly = ${NEW_VALUE};$2
#include "ksplice-patch.h"

#define OLD_OPTMEM_MAX ((int)($1))

static int look_at_optmem_max(void)
{
	return sysctl_optmem_max == OLD_OPTMEM_MAX ? 0 : -EBUSY;
}
ksplice_check_apply(look_at_optmem_max);

static void raise_optmem_max(void)
{
	sysctl_optmem_max = ${NEW_VALUE};
}
ksplice_apply(raise_optmem_max);

static void lower_optmem_max(void)
{
	if (sysctl_optmem_max == ${NEW_VALUE})
		sysctl_optmem_max = OLD_OPTMEM_MAX;
}
ksplice_reverse(lower_optmem_max);
`,
};

/** Each network namespace gets a count of its own, under a lock of its own. */
const shadow: Edit = {
  path: 'net/sctp/proc.c',
  from: /^(static int sctp_snmp_seq_show\([^{]*\{[\s\S]*?)(\n\treturn 0;\n\}\n)([\s\S]*)/m,
  to: `#include "ksplice-patch.h"
#include "ksplice-shadow.h"

#define SHOWN_ID 0x4b53

struct shown {
	spinlock_t lock;
	unsigned int count;
};

static int init_shown(void *net, void *shadow_data, void *ctor_data)
{
	struct shown *shown = shadow_data;

	spin_lock_init(&shown->lock);
	return 0;
}

static void count_shown(struct seq_file *seq)
{
	struct shown *shown = klp_shadow_get_or_alloc(seq->private, SHOWN_ID, sizeof(*shown),
						      GFP_KERNEL, init_shown, NULL);

	if (!shown)
		return;
	spin_lock(&shown->lock);
	seq_printf(seq, "SctpShown\\t%u\\n", ++shown->count);
	spin_unlock(&shown->lock);
}

$1
	count_shown(seq);$2$3
static void free_shown(void)
{
	klp_shadow_free_all(SHOWN_ID, NULL);
}
ksplice_post_reverse(free_shown);
`,
};

let kernel: TestKernel;
const folder = join(ROOT, '.work', 'hooks');
const create = async (id: string, edit: Edit) => {
  const patch = ['--patch', writePatch(folder, kernel.source, edit)];
  await ksplice([
    'create',
    ...patch,
    '--config',
    join(folder, 'conf'),
    '--id',
    id,
    '--output',
    folder,
  ]);
  return join(folder, `ksplice-${id}.tar.gz`);
};

beforeAll(async () => {
  kernel = await testKernel();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await configure(kernel, join(folder, 'conf'));
});

describe('a patch with hooks', () => {
  it('changes the value of a live variable, if it is what it expects', async () => {
    const update = await create('optmem', initialValue);
    await withGuest({ name: 'hooks-value', kernel }, async (guest) => {
      const before = await guest.ok(`cat ${VALUE}`);
      expect(before).not.toBe(String(NEW_VALUE));
      await kspliceIn(guest, `apply ${update}`);
      expect(await guest.ok(`cat ${VALUE}`)).toBe(String(NEW_VALUE));
      await kspliceIn(guest, 'undo optmem');
      expect(await guest.ok(`cat ${VALUE}`)).toBe(before);

      // Somebody else has set it: the hook refuses, and nothing is left.
      await guest.ok(`echo 30000 >${VALUE}`);
      const error = await kspliceFails(guest, `apply ${update}`);
      expect(error).toMatchObject({ code: 'aborted' });
      expect(error.message).toContain('optmem');
      expect(await guest.ok(`cat ${VALUE}`)).toBe('30000');
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });

  it('adds a lock and a count to existing objects', async () => {
    const update = await create('shown', shadow);
    await withGuest({ name: 'hooks-shadow', kernel }, async (guest) => {
      await guest.ok('modprobe sctp');
      const shown = async (inside = '') => {
        const text = await guest.ok(`${inside} cat /proc/net/sctp/snmp`);
        return Number(/^SctpShown\s+(\d+)$/m.exec(text)?.[1] ?? 0);
      };
      expect(await shown()).toBe(0);
      await kspliceIn(guest, `apply ${update}`);
      const counts = [await shown(), await shown()];
      expect(counts[1]).toBe((counts[0] as number) + 1);
      // Another namespace is another object.
      expect(await shown('unshare --net')).toBe(1);
      await kspliceIn(guest, 'undo shown');
      expect(await shown()).toBe(0);
      // What the first one attached is gone: a second update begins anew.
      await kspliceIn(guest, `apply ${update}`);
      expect(await shown()).toBe(1);
      await kspliceIn(guest, 'undo shown');
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});
