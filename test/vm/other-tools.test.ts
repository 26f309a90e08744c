// Patches that were written for kpatch and for klp-build, as they are: their callbacks are called at the
// moments that their authors mean, and system calls are replaced.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { long } from '../support/long.js';
import { type Edit, ROOT, writePatch } from '../support/scratch.js';
import { type Guest, withGuest } from './harness/index.js';
import { configure, ksplice, kspliceFails, kspliceIn, kspliceModules } from './ksplice.js';

/** Each says where it is and which object it was given; the first one may refuse. */
const callbacks = (prefix: string, type: string) => `
static int refuse_patch;

static int before_patch(${type} *obj)
{
	pr_info("called: before_patch %s %d\\n", obj->name ?: "vmlinux", obj->mod ? 1 : 0);
	return refuse_patch;
}
${prefix}_PRE_PATCH_CALLBACK(before_patch);

static void after_patch(${type} *obj)
{
	pr_info("called: after_patch %s\\n", obj->name ?: "vmlinux");
}
${prefix}_POST_PATCH_CALLBACK(after_patch);

static void before_unpatch(${type} *obj)
{
	pr_info("called: before_unpatch %s\\n", obj->name ?: "vmlinux");
}
${prefix}_PRE_UNPATCH_CALLBACK(before_unpatch);

static void after_unpatch(${type} *obj)
{
	pr_info("called: after_unpatch %s\\n", obj->name ?: "vmlinux");
}
${prefix}_POST_UNPATCH_CALLBACK(after_unpatch);
`;

/** A system call of the kernel proper: no mask is taken, and the old one is given back as ever. */
const kpatch = (more = ''): Edit => ({
  path: 'kernel/sys.c',
  from: /^SYSCALL_DEFINE1\(umask, int, mask\)\n\{([\s\S]*?)\n\}([\s\S]*)/m,
  to: `#include "kpatch-macros.h"

KPATCH_SYSCALL_DEFINE1(umask, int, mask)
{
	KPATCH_PRINTK("umask is asked for\\n");
	mask |= 0007;$1
}
KPATCH_FORCE_UNSAFE(__x64_sys_umask);
KPATCH_IGNORE_FUNCTION(__x64_sys_umask);
$2
${callbacks('KPATCH', 'patch_object')}${more}`,
});

/** A function of a module. */
const klp: Edit = {
  path: 'net/sctp/proc.c',
  from: /^#include <linux\/types.h>$([\s\S]*?)^(static int sctp_snmp_seq_show\([^{]*\{[\s\S]*?)(\n\treturn 0;\n\})([\s\S]*)/m,
  to: `#include <linux/types.h>$1$2
	seq_puts(seq, "SctpPatched 1\\n");$3$4
#include <linux/livepatch_helpers.h>
${callbacks('KLP', 'struct klp_object')}`,
};

let kernel: TestKernel;
const folder = join(ROOT, '.work', 'other-tools');
const create = async (id: string, edit: Edit) => {
  const patch = writePatch(folder, kernel.source, edit);
  const place = ['--config', join(folder, 'conf'), '--output', folder];
  const said = await ksplice(['create', '--patch', patch, ...place, '--id', id]);
  return { file: join(folder, `ksplice-${id}.tar.gz`), said };
};
/** Tells what the callbacks have said since it was asked before. */
const listener = (guest: Guest) => {
  let heard = 0;
  return async () => {
    const all = [...(await guest.ok('dmesg')).matchAll(/called: (.*)/g)].map(([, what]) => what);
    const news = all.slice(heard);
    heard = all.length;
    return news;
  };
};

beforeAll(async () => {
  kernel = await testKernel();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await configure(kernel, join(folder, 'conf'));
});

describe('a patch for kpatch', () => {
  it('is applied and undone with its callbacks, and says what it cannot mean here', async () => {
    const { file, said } = await create('kpatched', kpatch());
    const text = JSON.stringify(said);
    expect(text).toContain('KPATCH_IGNORE_FUNCTION(__x64_sys_umask)');
    expect(text).toContain('--allow-busy __x64_sys_umask');
    await withGuest({ name: 'kpatch', kernel }, async (guest) => {
      const called = listener(guest);
      const umask = 'sh -c "umask 022; umask"';
      expect(await guest.ok(umask)).toMatch(/022$/);
      await kspliceIn(guest, `apply ${file}`);
      expect(await guest.ok(umask)).toMatch(/027$/);
      expect(await called()).toEqual(['before_patch vmlinux 0', 'after_patch vmlinux']);
      await kspliceIn(guest, 'undo kpatched');
      expect(await guest.ok(umask)).toMatch(/022$/);
      expect(await called()).toEqual(['before_unpatch vmlinux', 'after_unpatch vmlinux']);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });

  long('is not applied if its callback refuses', async () => {
    const edit = kpatch();
    const refusing = {
      ...edit,
      to: edit.to.replace('int refuse_patch;', 'int refuse_patch = -EBUSY;'),
    };
    const { file } = await create('refusing', refusing);
    await withGuest({ name: 'kpatch-refuses', kernel }, async (guest) => {
      const called = listener(guest);
      expect(await kspliceFails(guest, `apply ${file}`)).toMatchObject({ code: 'aborted' });
      expect(new Set(await called())).toEqual(new Set(['before_patch vmlinux 0']));
      expect(await guest.ok('sh -c "umask 022; umask"')).toMatch(/022$/);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});

describe('a patch for klp-build', () => {
  it('is applied to a module and undone, with its callbacks', async () => {
    const { file } = await create('klp', klp);
    await withGuest({ name: 'klp-build', kernel }, async (guest) => {
      const called = listener(guest);
      await guest.ok('modprobe sctp');
      const patched = async () =>
        (await guest.ok('cat /proc/net/sctp/snmp')).includes('SctpPatched 1');
      expect(await patched()).toBe(false);
      await kspliceIn(guest, `apply ${file}`);
      expect(await patched()).toBe(true);
      expect(await called()).toEqual(['before_patch sctp 1', 'after_patch sctp']);
      await kspliceIn(guest, 'undo klp');
      expect(await patched()).toBe(false);
      expect(await called()).toEqual(['before_unpatch sctp', 'after_unpatch sctp']);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });
});
