// An update of the kernel proper and of a module that is not loaded: it is applied
// to the first, and to the second when that is loaded, before any of its code runs.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { long } from '../support/long.js';
import { type Guest, withGuest } from './harness/index.js';
import {
  configure,
  ksplice,
  kspliceFails,
  kspliceIn,
  kspliceModules,
  ROOT,
  type SourceEdit,
  sourcePatch,
} from './ksplice.js';

const folder = join(ROOT, '.work', 'late');
const update = join(folder, 'ksplice-late.tar.gz');
const PATIENT = { timeoutMs: 240_000 };
const AT_INIT = 'sctp: this is new code';
let kernel: TestKernel;
let guest: Guest;

const patch = (file: string, edits: readonly SourceEdit[]) => sourcePatch(kernel, file, edits);

beforeAll(async () => {
  kernel = await testKernel();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const count =
    'static int count(struct sctp_endpoint *ep, void *n)\n{\n\t++*(int *)n;\n\treturn 0;\n}';
  const parts = [
    // Uses what the module exports, which the loader would wait for, and what is new in the kernel.
    patch('net/sctp/proc.c', [
      [/^(?=static int sctp_snmp_seq_show)/m, `extern int softirq_shows;\n\n${count}\n\n`],
      [
        /^(?=\tsnmp_get_cpu_field_batch)/m,
        '\t{\n\t\tint n = 0, pos = 0;\n\n\t\tsctp_for_each_endpoint(count, net, &pos, &n);\n\t\tseq_printf(seq, "Shows\\t%d of %d\\n", softirq_shows, n);\n\t}\n',
      ],
    ]),
    // Called by the module's init.
    patch('net/sctp/sysctl.c', [
      [
        /(?<=^int sctp_sysctl_net_register\(struct net \*net\)\n\{\n)/m,
        `\tpr_info("${AT_INIT}\\n");\n`,
      ],
    ]),
    patch('fs/proc/softirqs.c', [
      [/^(?=static int show_softirqs)/m, 'int softirq_shows;\n\n'],
      [/^(?=\tseq_puts\(p, )/m, '\tsoftirq_shows++;\n'],
    ]),
  ];
  await writeFile(join(folder, 'late.patch'), parts.join(''));
  await configure(kernel, join(folder, 'conf'));
  const change = ['--patch', join(folder, 'late.patch'), '--config', join(folder, 'conf')];
  await ksplice(['create', ...change, '--id', 'late', '--output', folder]);
});

/** sctp cannot be unloaded, so each test has its own. */
const inGuest = (body: () => Promise<void>) => () =>
  withGuest({ name: 'late', kernel, timeoutMs: 1_800_000 }, (booted) => {
    guest = booted;
    return body();
  });

const VMLINUX = ['ksplice', 'ksplice_late_vmlinux_new'];
const ALL = ['ksplice', 'ksplice_late_sctp_new', 'ksplice_late_vmlinux_new'];
const snmp = () => guest.ok('head -n1 /proc/net/sctp/snmp');
const timesNew = async () =>
  (await guest.dmesg()).filter(({ text }) => text.includes(AT_INIT)).length;

/** The machine of the tests may be slow. */
const giveTime = () => guest.ok('echo 200 >/sys/module/ksplice/parameters/helper_seconds');

async function partial() {
  const answer = await kspliceIn(guest, `apply --partial ${update}`);
  await giveTime();
  return answer;
}

describe('apply --partial', () => {
  it(
    'applies to a module when that is loaded, from its first call on',
    inGuest(async () => {
      expect(await kspliceFails(guest, `apply ${update}`)).toMatchObject({
        code: 'target-not-loaded',
        advice: expect.stringContaining('--partial'),
      });
      expect(await kspliceIn(guest, `apply --partial --dry-run ${update}`)).toMatchObject({
        changed: false,
        attempts: 1,
      });
      expect(await kspliceModules(guest)).toEqual([]);

      const part = { stage: 'applied', waiting: ['sctp'] };
      expect(await partial()).toMatchObject({ ...part, changed: true });
      expect(await partial()).toMatchObject({ ...part, changed: false });
      expect(await kspliceIn(guest, 'view')).toMatchObject({ updates: [part] });
      expect(await kspliceModules(guest)).toEqual(VMLINUX);
      expect(await guest.ok('find /run/ksplice ! -user root -o -perm /077')).toBe('');

      await guest.ok('cat /proc/softirqs && modprobe sctp', PATIENT);
      expect(await timesNew()).toBe(1);
      expect(await snmp()).toMatch(/^Shows\t1 of \d+$/);
      expect(await kspliceModules(guest)).toEqual(ALL);
      expect(await kspliceIn(guest, 'view --id late')).toMatchObject({
        stage: 'applied',
        waiting: [],
        abortCause: 'ok',
      });
      expect(await kspliceIn(guest, `apply ${update}`)).toMatchObject({ changed: false });

      await kspliceIn(guest, 'undo late');
      expect(await snmp()).toMatch(/^SctpCurrEstab/);
      expect(await kspliceModules(guest)).toEqual([]);
    }),
  );

  long(
    'does not let the module in half patched',
    inGuest(async () => {
      await partial();
      const kept = '/run/ksplice/updates/late/ksplice-late/patch';
      await guest.ok(`cp ${kept} /run/test/patch && echo >>${kept}`);
      guest.expectLog(/ksplice: sctp is not loaded: an update awaits it/);
      guest.expectLog(/ksplice-ts: sctp: ksplice-late is not a usable update/);
      expect(await guest.run('modprobe sctp', PATIENT)).toMatchObject({ status: 1 });
      expect(await timesNew()).toBe(0);
      expect(await kspliceModules(guest)).toEqual(VMLINUX);
      await guest.ok(`cp /run/test/patch ${kept} && modprobe sctp`, PATIENT);
      expect(await timesNew()).toBe(1);
      expect(await kspliceModules(guest)).toEqual(ALL);
      await kspliceIn(guest, 'undo late');
    }),
  );

  long(
    'lets the module alone after undo',
    inGuest(async () => {
      await partial();
      await kspliceIn(guest, 'undo late');
      expect(await kspliceModules(guest)).toEqual([]);
      expect(await guest.ok('ls /run/ksplice/updates')).toBe('');
      await guest.ok('modprobe sctp', PATIENT);
      expect(await timesNew()).toBe(0);
      expect(await snmp()).toMatch(/^SctpCurrEstab/);
    }),
  );

  long(
    'forgets what a run that was killed awaited',
    inGuest(async () => {
      await guest.writeFile(
        '/run/test/bin/insmod',
        '#!/bin/bash\n[[ $1 != *vmlinux_new.ko ]] || kill -9 $(ps -o ppid= -p $PPID)\nexec /usr/sbin/insmod "$@"\n',
        0o755,
      );
      const tool = `${process.execPath} ${ROOT}/bin/ksplice-ts.js`;
      await guest.run(`PATH=/run/test/bin:$PATH ${tool} apply --partial ${update}`, PATIENT);
      expect(await guest.ok('cat /sys/kernel/ksplice/awaited')).toBe('late sctp');
      await giveTime();
      await guest.ok('modprobe sctp', PATIENT);
      expect(await timesNew()).toBe(0);
      expect(await guest.ok('cat /sys/kernel/ksplice/awaited')).toBe('');
      expect(await kspliceIn(guest, `apply ${update}`)).toMatchObject({
        changed: true,
        waiting: [],
      });
      expect(await snmp()).toMatch(/^Shows\t/);
      await kspliceIn(guest, 'undo late');
      expect(await kspliceModules(guest)).toEqual([]);
    }),
  );
});
