// `apply --watch` in a guest without systemd: new code that warns and oopses on purpose when a file is
// read, a probe that fails, and everything of the tool killed.

import { beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { kspliceIn, kspliceModules, sourcePatch, toolLine } from './ksplice.js';
import { Workshop } from './workshop.js';

const kernel = await testKernel();
const ID = 'watched';
const PATIENT = { timeoutMs: 300_000 };
const RECORD = `/var/lib/ksplice/withdrawn/${ID}.json`;
const APPLIED = `grep -q applied /sys/kernel/ksplice/${ID}/stage 2>/dev/null`;

interface Said {
  status: number;
  error: { code: string; message: string; details: { remains: string } };
}

/** What a command says that does not succeed. */
async function refused(guest: Guest, command: string): Promise<Said> {
  const { status, stdout } = await guest.run(toolLine(command), PATIENT);
  return { ...JSON.parse(stdout), status };
}

/** Nothing of the update is left, and nobody applies it before `clear`. */
async function expectWithdrawn(guest: Guest, update: string): Promise<void> {
  expect(await kspliceModules(guest)).toEqual([]);
  expect(await refused(guest, `apply ${update}`)).toMatchObject({
    status: 11,
    error: { code: 'withdrawn' },
  });
  const { status, stdout } = await guest.run(toolLine('status'), PATIENT);
  expect({ status, ...JSON.parse(stdout) }).toMatchObject({
    status: 11,
    verdict: 'withdrawn',
    updates: [{ id: ID, stage: null, withdrawn: expect.any(String) }],
  });
  await kspliceIn(guest, `clear ${ID}`);
}

/** Waits in the guest for the switch, then runs a command there. */
function onceApplied(guest: Guest, command: string): void {
  guest.spawn(`until ${APPLIED}; do sleep 0.5; done; ${command}`);
}

describe('apply --watch', () => {
  let update: string;
  beforeAll(async () => {
    const workshop = await Workshop.open(kernel, 'watch');
    const patch = sourcePatch(kernel, 'fs/proc/version.c', [
      [/#include <linux\/fs.h>\n/, '$&#include <linux/sched.h>\n'],
      [
        /\tseq_printf\(m, linux_proc_banner,/,
        '\tBUG_ON(!strcmp(current->comm, "oopses"));\n\tWARN_ON(!strcmp(current->comm, "warns"));\n$&',
      ],
    ]);
    update = await workshop.create(ID, patch);
  });

  it('takes back an update that hurts, whoever is killed meanwhile', async () => {
    const expectLog = [/WARNING: |Call Trace|kernel BUG at|invalid opcode|BUG_ON|RIP: |Oops/];
    await withGuest({ name: 'watch', kernel, expectLog, timeoutMs: 900_000 }, async (guest) => {
      await guest.ok(
        'mkdir -p /var/lib/ksplice && mount -t tmpfs -o mode=700 none /var/lib/ksplice',
      );
      await guest.ok('cp /bin/cat /run/warns; cp /bin/cat /run/oopses');

      const probe = `--probe 'test ! -e /sys/kernel/ksplice/${ID}'`;
      expect(await refused(guest, `apply --watch 5m ${probe} ${update}`)).toMatchObject({
        status: 11,
        error: {
          code: 'withdrawn',
          message: expect.stringContaining('the probe failed (status 1)'),
          details: { remains: 'nothing' },
        },
      });
      await expectWithdrawn(guest, update);

      // The watcher, but not the shell that waits for it; and `apply`.
      const kill = `for pid in $(pgrep -f 'ksplice-ts.js (watch shell|apply --watch)'); do [ $(readlink /proc/$pid/exe) != ${process.execPath} ] || kill -KILL $pid; done`;
      onceApplied(guest, `${kill}; /run/warns /proc/version`);
      const { status, signal } = await guest.run(
        `exec ${toolLine(`apply --watch 5m ${update}`)}`,
        PATIENT,
      );
      expect({ status, signal }).not.toMatchObject({ status: 11 });
      await guest.ok(`until [ -e ${RECORD} ]; do sleep 1; done; cat ${RECORD}`, PATIENT);
      await guest.ok('while pgrep -f "[w]atch shell"; do sleep 1; done', PATIENT);
      expect(JSON.parse(await guest.ok(`cat ${RECORD}`))).toMatchObject({
        remains: 'nothing',
        reason: expect.stringMatching(/^IN NEW CODE, at version_proc_show\S*\+0x.*WARNING: /),
      });
      await expectWithdrawn(guest, update);

      // In this guest an oops is a panic otherwise.
      await guest.ok('echo 0 >/proc/sys/kernel/panic_on_oops');
      onceApplied(guest, '/run/oopses /proc/version');
      expect(await refused(guest, `apply --watch 5m ${update}`)).toMatchObject({
        status: 11,
        error: {
          code: 'withdrawn',
          message: expect.stringMatching(/IN NEW CODE, at version_proc_show\S*\+0x/),
          details: { remains: 'nothing' },
        },
      });
      await expectWithdrawn(guest, update);
      expect(await guest.ok('/run/oopses /proc/version')).toContain('Linux version');
    });
  });
});
