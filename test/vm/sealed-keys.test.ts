// New code with static keys that are read-only since boot or since their module's
// init (__ro_after_init): the kernel's module loader would write to them. Each
// branch must go the way that its key says in the kernel that runs.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ElfObject } from '../../src/elf/object.js';
import { newCodeName } from '../../src/module/new-code-names.js';
import { SEALED_SECTION } from '../../src/update/new-code.js';
import { readUpdate } from '../../src/update/read.js';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { long } from '../support/long.js';
import { type Guest, withGuest } from './harness/index.js';
import {
  alteredUpdate,
  ksplice,
  kspliceFails,
  kspliceIn,
  kspliceModules,
  sourcePatch,
} from './ksplice.js';
import { Workshop } from './workshop.js';

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

/** The cipher whose module has such keys, and how to get at it. */
interface Cipher {
  readonly file: string;
  /** The head of the function that is patched. */
  readonly head: RegExp;
  readonly modules: string;
  /** The name by which the kernel's users ask for it. */
  readonly name: string;
}

const CIPHERS: readonly Cipher[] = [
  {
    file: 'arch/x86/crypto/chacha_glue.c',
    head: /(?<=static int chacha_simd_stream_xor\([^)]*\)\n\{\n(\t.*\n)+\n)/,
    modules: 'algif_skcipher chacha_x86_64',
    name: 'chacha20-simd',
  },
  // Since 6.16: it includes what is for the machine.
  {
    file: 'lib/crypto/chacha.c',
    head: /(?<=^void chacha_crypt\([^)]*\)\n\{\n)/m,
    modules: 'algif_skcipher chacha',
    name: 'chacha20-lib',
  },
];

function cipherOf(kernel: TestKernel): Cipher {
  const found = CIPHERS.find(({ file }) => existsSync(join(kernel.source, file)));
  if (!found) throw new Error('the source has no ChaCha with keys for x86');
  return found;
}

function inModule(kernel: TestKernel): string {
  const { file, head } = cipherOf(kernel);
  const tell = `\t${tells('chacha_use_simd', 'simd')}\t${tells('chacha_use_avx512vl', 'avx512')}`;
  return sourcePatch(kernel, file, [[head, tell]]);
}

/** What the new code says while something is done, each thing once. */
async function said(guest: Guest, act: () => Promise<unknown>): Promise<string[]> {
  const before = await guest.dmesg();
  await act();
  const log = (await guest.dmesg()).slice(before.length);
  return [...new Set(log.flatMap(({ text }) => text.split('ksplice test: ')[1] ?? []))].sort();
}

/** Calls what is patched in the kernel proper: the time-stamp counter is forbidden and allowed. */
async function callKernel(guest: Guest): Promise<void> {
  await guest.ok('cat /proc/version');
  const [PR_SET_TSC, FORBIDDEN, ALLOWED] = [26, 2, 1];
  const calls = [FORBIDDEN, ALLOWED].map(
    (word) => `syscall(157, ${PR_SET_TSC}, ${word}) == 0 or die;`,
  );
  await guest.ok(`perl -e '${calls.join(' ')}'`);
}

/** Encrypts two kilobytes with a cipher; the result in hex. */
async function encrypt(guest: Guest, { name }: Cipher): Promise<string> {
  const [AF_ALG, SOL_ALG, SEQPACKET] = [38, 279, 5];
  const script =
    `socket(my $s, ${AF_ALG}, ${SEQPACKET}, 0) or die "socket: $!";` +
    `bind($s, pack("S a14 L L a64", ${AF_ALG}, "skcipher", 0, 0, "${name}")) or die "bind: $!";` +
    `setsockopt($s, ${SOL_ALG}, 1, "k" x 32) or die "key: $!";` +
    // A name for the peer, which accept() would ask for, there is none.
    `(my $n = syscall(43, fileno($s), 0, 0)) >= 0 or die "accept: $!"; open(my $o, "+<&=", $n);` +
    `syswrite($o, "x" x 2048) == 2048 or die "write: $!";` +
    `sysread($o, my $r, 2048) == 2048 or die "read: $!"; print unpack("H*", $r);`;
  return await guest.ok(`perl -e '${script}'`);
}

/** Alters the update's new code, which then has to be refused. */
async function altered(archive: string, name: string, alter: (module: Buffer) => void) {
  const update = await readUpdate(archive);
  const { file } = update.contents.changes[0]!.newCode;
  const module = Buffer.from(update.files.get(file)!);
  alter(module);
  return alteredUpdate(update, archive, name, file, module);
}

/** Another key, which can be written to. */
function exchangeKey(module: Buffer): void {
  const [from, to] = ['randomize_kstack_offset,1', 'netstamp_needed_key,1'];
  module.write(to.padEnd(from.length, '\0'), module.indexOf(from), 'latin1');
}

/** The relocation of the first entry's site, in the file: its offset, symbol and addend, 8 bytes each. */
function firstSite(module: Buffer) {
  const object = new ElfObject(module, 'new code');
  const [site] = object.relocations(object.section(SEALED_SECTION)!);
  const table = object.section(`.rela${SEALED_SECTION}`)!;
  return { addend: site!.addend, place: table.offset + 16 };
}

/** A site that is somewhere else. */
function moveSite(module: Buffer): void {
  const { addend, place } = firstSite(module);
  module.writeBigInt64LE(BigInt(addend + 1), place);
}

describe('new code with keys that are read-only', () => {
  let kernel: TestKernel;
  let updates: Readonly<Record<'kernel' | 'module', string>>;
  beforeAll(async () => {
    kernel = await testKernel();
    const workshop = await Workshop.open(kernel, 'sealed-keys');
    updates = {
      kernel: await workshop.create('kernel', inKernel(kernel)),
      module: await workshop.create('module', inModule(kernel)),
    };
  });

  const pinning = ['again, pinning is on', 'pinning is on'];
  const onlyKernel = async (guest: Guest, expected: readonly string[]) => {
    expect(await said(guest, () => callKernel(guest))).toEqual([]);
    await kspliceIn(guest, `apply ${updates.kernel}`);
    expect(await said(guest, () => callKernel(guest))).toEqual([...expected, ...pinning].sort());
    await kspliceIn(guest, 'undo kernel');
    expect(await said(guest, () => callKernel(guest))).toEqual([]);
  };

  it('goes the way of keys that are on, and of those of a module, which are both', async () => {
    const append = ['randomize_kstack_offset=on'];
    await withGuest({ name: 'sealed-keys-on', kernel, append }, async (guest) => {
      await onlyKernel(guest, ['offset is on', 'again, offset is on']);

      // The module's keys change until its init is through.
      const error = await kspliceFails(guest, `apply --partial ${updates.module}`);
      expect(error.code).toBe('target-not-loaded');
      expect(error.message).toContain('chacha_use_');

      const cipher = cipherOf(kernel);
      await guest.ok(`modprobe -a ${cipher.modules}`);
      // Newer kernels have a list of what may be had through sockets.
      const restrict = '/proc/sys/crypto/af_alg_restrict';
      await guest.ok(`[ ! -e ${restrict} ] || echo 0 >${restrict}`);
      const before = await encrypt(guest, cipher);
      await kspliceIn(guest, `apply ${updates.module}`);
      const all = await said(guest, async () => expect(await encrypt(guest, cipher)).toBe(before));
      expect(all).toEqual(['again, simd is on', 'avx512 is off', 'simd is on']);
      await kspliceIn(guest, 'undo module');
      expect(await said(guest, () => encrypt(guest, cipher))).toEqual([]);
      expect(await kspliceModules(guest)).toEqual([]);
    });
  });

  long('is refused if a branch is not what the table says, and leaves nothing', async () => {
    const writable = await altered(updates.kernel, 'writable', exchangeKey);
    const moved = await altered(updates.kernel, 'moved', moveSite);
    const { files, contents } = await readUpdate(updates.kernel);
    const { module, file } = contents.changes[0]!.newCode;
    const { addend } = firstSite(files.get(file)!);
    const shown = newCodeName('version_proc_show', 'kernel');
    await withGuest({ name: 'sealed-keys-refused', kernel }, async (guest) => {
      const refused = async (what: string, words: RegExp) => {
        guest.expectLog(words);
        const { code, advice } = await kspliceFails(guest, `apply ${what}`);
        expect([code, advice]).toEqual(['load-failed', expect.stringMatching(words)]);
        expect(await kspliceModules(guest)).toEqual([]);
      };
      await refused(writable, /netstamp_needed_key can be written to/);
      await refused(moved, /no branch of .* is at version_proc_show\.ksplice_kernel\+/);
      // A probe that waits for the new code keeps a copy of the bytes.
      const events = '/sys/kernel/tracing/kprobe_events';
      await guest.ok(`echo 'p:waits ${module}:${shown}+${addend}' >${events}`);
      await guest.ok('echo 1 >/sys/kernel/tracing/events/kprobes/waits/enable');
      await refused(updates.kernel, /a kprobe is at version_proc_show\.ksplice_kernel\+/);
      // It has gone with the module, or waits again.
      await guest.run('echo 0 >/sys/kernel/tracing/events/kprobes/waits/enable');
      await guest.ok(`>${events}`);
      await kspliceIn(guest, `apply ${updates.kernel}`);
      await kspliceIn(guest, 'undo kernel');
    });
  });

  it('is shown with its keys', async () => {
    const { targets } = (await ksplice(['inspect', updates.kernel])) as {
      targets: { tables: { name: string; entries: number }[] }[];
    };
    expect(targets[0]!.tables).toContainEqual(
      expect.objectContaining({ name: SEALED_SECTION, mechanism: 'fixed jump label', entries: 4 }),
    );
    const code = await ksplice(['inspect', updates.kernel, '--function', 'cr4_update_irqsoff']);
    expect(JSON.stringify(code)).toContain('fixed jump label cr_pinning, to ');
  });

  long('goes the way of the same key where it is off', async () => {
    const append = ['randomize_kstack_offset=off'];
    await withGuest({ name: 'sealed-keys-off', kernel, append }, async (guest) => {
      await onlyKernel(guest, ['offset is off']);
    });
  });
});
