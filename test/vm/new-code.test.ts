// What new code may contain besides code: data of its own, static keys,
// per-cpu variables, dynamic debug, alternatives, exception tables, paravirt
// calls, tracepoints, static calls; and what it may use of the running kernel.
// One update for two targets, a function of the kernel and one of a module.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { configure, ksplice, kspliceIn, kspliceModules, ROOT } from './ksplice.js';

const folder = path.join(ROOT, '.work', 'update-new-code');
const fixture = (name: string) =>
  readFileSync(path.join(ROOT, 'test', 'fixtures', 'extract', name), 'utf8');

/** Replaces text that must be there exactly once. */
function replace(source: string, from: string, to: string): string {
  expect(source.split(from), from).toHaveLength(2);
  return source.replace(from, () => to);
}

/** Adds text behind a function's head, whatever types its parameters have in this kernel. */
function addToBody(source: string, head: RegExp, added: string): string {
  const [found, ...others] = source.match(new RegExp(head, 'gm')) ?? [];
  expect(others, `${head}`).toEqual([]);
  return replace(source, found!, found! + added);
}

/** What the new code looks at in the running kernel: static data and a per-cpu variable. */
function seesTheKernel(source: string): string {
  const look = source.includes('tcp_md5sig_pool_populated')
    ? 'mutex_lock(&tcp_md5sig_mutex);\n' +
      '\tseen = !tcp_md5sig_pool_populated && !per_cpu(tcp_md5sig_pool, 0).scratch;\n' +
      '\tmutex_unlock(&tcp_md5sig_mutex);\n'
    : 'seen = tcp_orphan_timer.function == tcp_orphan_update &&\n' +
      '\t       !per_cpu(tcp_orphan_count, 0);\n';
  return `static bool ksplice_test_sees(void)\n{\n\tbool seen;\n\n\t${look}\treturn seen;\n}\n\n`;
}

const changes: Record<string, (source: string) => string> = {
  'net/ipv4/tcp.c': (source) => {
    const features = seesTheKernel(source) + fixture('features-tcp.c');
    const after = 'static __initdata unsigned long thash_entries;\n';
    const call = '\tif (cmd == SIOCINQ)\n\t\tksplice_test(sk);\n';
    const head = /^int tcp_ioctl\(struct sock \*sk, int cmd, .*\)\n\{\n/;
    const called = addToBody(replace(source, after, features + after), head, call);
    return called.replace(/^(?=int tcp_ioctl\()/m, 'void ksplice_test(struct sock *sk);\n');
  },
  'net/sctp/socket.c': (source) =>
    addToBody(
      source,
      /^(static )?int sctp_ioctl\(struct sock \*sk, int cmd, .*\)\n\{\n\tint rc = -ENOTCONN;\n/,
      fixture('features-sctp.c'),
    ),
  // Two tables of functions that others have the addresses of.
  'drivers/char/mem.c': (source) =>
    replace(source, '\t.write\t\t= write_full,\n', '\t.write\t\t= write_null,\n'),
  'net/sctp/proc.c': (source) => {
    const table = 'static const struct seq_operations sctp_eps_ops = {\n';
    const show =
      'static int ksplice_eps_show(struct seq_file *seq, void *v)\n' +
      '{\n\tseq_puts(seq, "ksplice\\n");\n\treturn sctp_eps_seq_show(seq, v);\n}\n\n';
    const added = replace(source, table, show + table);
    return replace(added, '\t.show  = sctp_eps_seq_show,\n', '\t.show  = ksplice_eps_show,\n');
  },
};

/** A source patch with the changes, made from the kernel's own source. */
function makePatch(kernel: TestKernel): string {
  let patch = '';
  for (const [name, change] of Object.entries(changes)) {
    const before = path.join(kernel.source, name);
    const after = path.join(folder, path.basename(name));
    writeFileSync(after, change(readFileSync(before, 'utf8')));
    const labels = ['--label', `a/${name}`, '--label', `b/${name}`];
    try {
      execFileSync('diff', ['-u', ...labels, before, after]);
    } catch (error) {
      patch += String((error as { stdout: Buffer }).stdout);
    }
  }
  return patch;
}

const SIOCINQ = '0x541b';
const IPPROTO_SCTP = 132;

/** Calls ioctl(SIOCINQ) on a fresh stream socket, three times. */
async function callIoctl(guest: Guest, protocol: number): Promise<void> {
  const script =
    `use Socket; socket(my $s, AF_INET, SOCK_STREAM, ${protocol}) or die $!; my $n = pack("i", 0);` +
    `ioctl($s, ${SIOCINQ}, $n) for 1 .. 3;`;
  await guest.ok(`perl -e '${script}'`);
}

async function messages(guest: Guest): Promise<string[]> {
  const log = await guest.dmesg();
  return log.map(({ text }) => text).filter((text) => text.includes('ksplice test: '));
}

/** What the two tables of functions make of /dev/full and of sctp's list of endpoints. */
async function tables(guest: Guest): Promise<string[]> {
  const full = await guest.run('LC_ALL=C; echo x >/dev/full');
  const list = await guest.ok('cat /proc/net/sctp/eps');
  return [full.stderr.trim().replace(/^.*: /, ''), [...new Set(list.split('\n'))].join()];
}

describe('new code with everything in it', () => {
  let kernel: TestKernel;
  let update: string;
  beforeAll(async () => {
    kernel = await testKernel();
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const confdir = path.join(folder, 'conf');
    await configure(kernel, confdir);
    const patch = path.join(folder, 'features.patch');
    writeFileSync(patch, makePatch(kernel));
    const args = ['--patch', patch, '--config', confdir, '--id', 'features', '--output', folder];
    await ksplice(['create', ...args]);
    update = path.join(folder, 'ksplice-features.tar.gz');
  });

  it('works on the stock kernel, in the kernel proper and in a module', async () => {
    await withGuest({ name: 'new-code', kernel }, async (guest) => {
      await guest.ok('modprobe sctp');
      const before = await tables(guest);
      expect(before).toEqual(['No space left on device', expect.stringMatching(/^ ENDPT [^\n]*$/)]);
      const applied = await kspliceIn(guest, `apply ${update}`);
      expect(applied).toMatchObject({ id: 'features', stage: 'applied' });

      expect(await tables(guest)).toEqual(['', `${before[1]},ksplice`]);

      await callIoctl(guest, 0);
      // Each bit but 8 (the static key) from the first call on, and that from the second.
      const place = String.raw`ksplice_test\.ksplice_features(\+0x[0-9a-f]+/0x[0-9a-f]+)? \[ksplice_features_vmlinux_new\]`;
      const expected = [
        [247, 41, 1001],
        [255, 42, 1002],
        [255, 43, 1003],
      ].map(([seen, calls, inner]) =>
        expect.stringMatching(
          new RegExp(`ksplice test: seen ${seen} calls ${calls} inner ${inner} in ${place}$`),
        ),
      );
      expect(await messages(guest)).toEqual(expected);

      await callIoctl(guest, IPPROTO_SCTP);
      expect((await messages(guest)).slice(3)).toEqual(
        [1, 2, 3].map((calls) =>
          expect.stringMatching(new RegExp(`ksplice test: sctp calls ${calls} proto 1 assocs 1$`)),
        ),
      );

      // Dynamic debug, the tracepoint and function tracing find the new code.
      await guest.ok("echo 'func ksplice_test_inner +p' > /proc/dynamic_debug/control");
      await guest.ok('echo 1 > /sys/kernel/tracing/events/tcp/tcp_rcv_space_adjust/enable');
      await guest.ok('echo ksplice_test.ksplice_features > /sys/kernel/tracing/set_ftrace_filter');
      await guest.ok('echo function > /sys/kernel/tracing/current_tracer');
      await callIoctl(guest, 0);
      expect(await messages(guest)).toContainEqual(expect.stringMatching(/ inner 1000$/));
      const trace = await guest.ok('cat /sys/kernel/tracing/trace');
      expect(trace.match(/ksplice_test(\.ksplice_features) <-tcp_ioctl\1/g)).toHaveLength(3);
      expect(trace.match(/tcp_rcv_space_adjust: family=AF_INET /g)).toHaveLength(3);
      await guest.ok('echo nop > /sys/kernel/tracing/current_tracer');
      await guest.ok('echo 0 > /sys/kernel/tracing/events/tcp/tcp_rcv_space_adjust/enable');

      await kspliceIn(guest, 'undo features');
      expect(await kspliceModules(guest)).toEqual([]);
      expect(await tables(guest)).toEqual(before);
      const said = await messages(guest);
      await callIoctl(guest, 0);
      await callIoctl(guest, IPPROTO_SCTP);
      expect(await messages(guest)).toEqual(said);
    });
  });
});
