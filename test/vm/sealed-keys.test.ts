// New code with static keys that are read-only since boot or since their module's
// init (__ro_after_init): the kernel's module loader would write to them. Each
// branch must go the way that its key says in the kernel that runs.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import {
  configure,
  ksplice,
  kspliceFails,
  kspliceIn,
  kspliceModules,
  ROOT,
  sourcePatch,
} from './ksplice.js';

const folder = path.join(ROOT, '.work', 'update-sealed-keys');

/** Says which way a branch goes: likely and unlikely, which the compiler lays out differently. */
const tells = (key: string, name: string) =>
  `if (static_branch_likely(&${key}))\n\t\tpr_info("ksplice test: ${name} is on\\n");\n` +
  `\telse\n\t\tpr_info("ksplice test: ${name} is off\\n");\n` +
  `\tif (static_branch_unlikely(&${key}))\n\t\tpr_info("ksplice test: again, ${name} is on\\n");\n`;

/** In the kernel proper: a key of the same object, and one of another. */
const inKernel = (kernel: TestKernel) =>
  sourcePatch(kernel, 'fs/proc/version.c', [
    [/#include <linux\/utsname.h>\n/, '$&#include <linux/randomize_kstack.h>\n'],
    [
      /static int version_proc_show\(.*\)\n\{\n/,
      `$&\t${tells('randomize_kstack_offset', 'offset')}`,
    ],
  ]) +
  sourcePatch(kernel, 'arch/x86/kernel/cpu/common.c', [
    [/void cr4_update_irqsoff\(.*\)\n\{\n.*\n/, `$&\n\t${tells('cr_pinning', 'pinning')}`],
  ]);

const inModule = (kernel: TestKernel) =>
  sourcePatch(kernel, 'arch/x86/crypto/chacha_glue.c', [
    [
      /(?<=static int chacha_simd_stream_xor\([^)]*\)\n\{\n(\t.*\n)+\n)/,
      `\t${tells('chacha_use_simd', 'simd')}\t${tells('chacha_use_avx512vl', 'avx512')}`,
    ],
  ]);

/** What the new code has said since the last time. */
async function said(guest: Guest): Promise<string[]> {
  const log = await guest.ok("dmesg --clear --raw | sed -n 's/.*ksplice test: //p'");
  return log.split('\n').filter(Boolean);
}

/** Calls what is patched in the kernel proper: the time-stamp counter is forbidden and allowed. */
async function callKernel(guest: Guest): Promise<string[]> {
  await guest.ok('cat /proc/version');
  const version = await said(guest);
  const [PR_SET_TSC, FORBIDDEN, ALLOWED] = [26, 2, 1];
  const calls = [FORBIDDEN, ALLOWED].map(
    (word) => `syscall(157, ${PR_SET_TSC}, ${word}) == 0 or die;`,
  );
  await guest.ok(`perl -e '${calls.join(' ')}'`);
  return [...version, ...new Set(await said(guest))];
}

/** Encrypts two kilobytes with the module's cipher; the result in hex. */
async function encrypt(guest: Guest): Promise<string> {
  const [AF_ALG, SOL_ALG, SEQPACKET] = [38, 279, 5];
  const script =
    `socket(my $s, ${AF_ALG}, ${SEQPACKET}, 0) or die "socket: $!";` +
    `bind($s, pack("S a14 L L a64", ${AF_ALG}, "skcipher", 0, 0, "chacha20-simd")) or die "bind: $!";` +
    `setsockopt($s, ${SOL_ALG}, 1, "k" x 32) or die "key: $!";` +
    `accept(my $o, $s) or die "accept: $!";` +
    `syswrite($o, "x" x 2048) == 2048 or die "write: $!";` +
    `sysread($o, my $r, 2048) == 2048 or die "read: $!"; print unpack("H*", $r);`;
  return await guest.ok(`perl -e '${script}'`);
}

describe('new code with keys that are read-only', () => {
  let kernel: TestKernel;
  const update = (id: string) => path.join(folder, `ksplice-${id}.tar.gz`);
  beforeAll(async () => {
    kernel = await testKernel();
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const confdir = path.join(folder, 'conf');
    await configure(kernel, confdir);
    for (const [id, patch] of Object.entries({
      kernel: inKernel(kernel),
      module: inModule(kernel),
    })) {
      const file = path.join(folder, `${id}.patch`);
      writeFileSync(file, patch);
      await ksplice([
        'create',
        '--patch',
        file,
        '--config',
        confdir,
        '--id',
        id,
        '--output',
        folder,
      ]);
    }
  });

  it.each([
    ['on', ['offset is on', 'again, offset is on']],
    ['off', ['offset is off']],
  ])('goes the way of a key of the kernel that is %s', async (word, expected) => {
    const append = [`randomize_kstack_offset=${word}`];
    await withGuest({ name: `sealed-keys-${word}`, kernel, append }, async (guest) => {
      expect(await callKernel(guest)).toEqual([]);
      await kspliceIn(guest, `apply ${update('kernel')}`);
      const pinned = ['pinning is on', 'again, pinning is on'];
      expect(await callKernel(guest)).toEqual([...expected, ...pinned]);
      await kspliceIn(guest, 'undo kernel');
      expect(await callKernel(guest)).toEqual([]);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });

  it("goes the way of a module's keys, one of them on and one off", async () => {
    await withGuest({ name: 'sealed-keys-module', kernel }, async (guest) => {
      // Its keys change until its init is through.
      const error = await kspliceFails(guest, `apply --partial ${update('module')}`);
      expect(error).toMatchObject({ code: 'target-not-loaded', message: /chacha_use_simd/ });

      await guest.ok('modprobe -a algif_skcipher chacha_x86_64');
      const before = await encrypt(guest);
      await said(guest);
      await kspliceIn(guest, `apply ${update('module')}`);
      expect(await encrypt(guest)).toBe(before);
      const all = await said(guest);
      expect(all).toEqual(['simd is on', 'again, simd is on', 'avx512 is off']);
      await kspliceIn(guest, 'undo module');
      expect(await encrypt(guest)).toBe(before);
      expect(await said(guest)).toEqual([]);
    });
  });
});
