// A function in which tasks sleep all the time, and what the tool does about it:
// do_nanosleep(), with a task asleep in it from the start.

import { beforeAll, describe, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { ksplice, kspliceFails, kspliceIn, kspliceModules, toolLine } from './ksplice.js';
import { Workshop } from './workshop.js';

/** Who asks for more than a day is turned away. */
const PATCH = `--- a/kernel/time/hrtimer.c
+++ b/kernel/time/hrtimer.c
@@ -2084,6 +2084,10 @@
 {
 	struct restart_block *restart;
 
+	if (mode == HRTIMER_MODE_REL &&
+	    hrtimer_get_expires(&t->timer) > 90000LL * NSEC_PER_SEC)
+		return -EINVAL;
+
 	do {
 		set_current_state(TASK_INTERRUPTIBLE|TASK_FREEZABLE);
 		hrtimer_sleeper_start_expires(t, mode);
`;
/** Of a busy machine. */
const PATIENT = { timeoutMs: 240_000 };
const PLACE = /^do_nanosleep\+0x[0-9a-f]+\/0x[0-9a-f]+/;

let kernel: TestKernel;
let create: (id: string, ...more: string[]) => Promise<string>;

beforeAll(async () => {
  kernel = await testKernel();
  const workshop = await Workshop.open(kernel, 'busy');
  create = (id, ...more) => workshop.create(id, PATCH, ...more);
});

/** Starts a sleep and returns its process id when it is asleep. */
async function nap(guest: Guest, seconds: number): Promise<number> {
  const pid = Number(await guest.ok(`setsid sleep ${seconds} >/dev/null 2>&1 & echo $!`));
  // It does not show do_nanosleep() itself, nor anything of the scheduler.
  await guest.ok(
    `for i in $(seq 100); do grep -q hrtimer_nanosleep /proc/${pid}/stack && exit; sleep 0.1; done; exit 1`,
    PATIENT,
  );
  return pid;
}

/** Whether a nap of more than a day is turned away. */
async function isNew(guest: Guest): Promise<boolean> {
  const { status } = await guest.run('timeout 3 sleep 100000');
  return status !== 124;
}

/** What an undo says that got SIGINT while it waited for a task that is in the new code. */
async function interruptedUndo(guest: Guest, pid: number): Promise<object> {
  const attempts = await guest.ok('head -1 /sys/kernel/ksplice/napbusy/timing');
  const waiting = guest.spawn(`exec ${toolLine('undo napbusy --timeout 3000')}`);
  await guest.ok(
    `for i in $(seq 300); do [ "$(head -1 /sys/kernel/ksplice/napbusy/timing)" != '${attempts}' ] && exit; sleep 0.1; done; exit 1`,
    PATIENT,
  );
  waiting.kill('SIGINT');
  const { status, stdout } = await waiting.finished(PATIENT.timeoutMs);
  expect(status).toBe(130);
  await guest.ok(`kill -0 ${pid}`);
  return (JSON.parse(stdout) as { error: object }).error;
}

describe('a function that is always in use', () => {
  it('is refused without --allow-busy, and replaced and put back with it', async () => {
    const plain = await create('napplain');
    const busy = await create('napbusy', '--allow-busy', 'do_nanosleep');
    await expect(create('napother', '--allow-busy', 'schedule')).rejects.toThrow(
      /names schedule, and the update does not replace/,
    );
    expect(await ksplice(['view', '--file', busy])).toMatchObject({ allowBusy: ['do_nanosleep'] });
    await withGuest({ name: 'busy', kernel, timeoutMs: 1_800_000 }, async (guest) => {
      const first = await nap(guest, 5000);
      const refused = (await kspliceFails(guest, `apply ${plain} --timeout 8`)) as {
        code: string;
        details?: { conflicts: object[]; timings: object[] };
      };
      expect(refused.code).toBe('busy');
      expect(refused.details?.conflicts).toContainEqual({
        pid: first,
        task: 'sleep',
        function: expect.stringMatching(PLACE),
      });
      expect(refused.details?.timings.length).toBeGreaterThan(1);
      expect(refused.details?.timings[0]).toMatchObject({ window_ns: 0 });
      expect(await kspliceModules(guest)).toEqual([]);

      const waiting = guest.spawn(`exec ${toolLine(`apply ${plain} --timeout 3000`)}`);
      await guest.ok(
        "for i in $(seq 300); do grep -qs 'attempts=2' /sys/kernel/ksplice/napplain/timing && exit; sleep 0.1; done; exit 1",
        PATIENT,
      );
      const began = Date.now();
      waiting.kill('SIGINT');
      expect((await waiting.finished(PATIENT.timeoutMs)).status).toBe(130);
      // Long before the time is over.
      expect(Date.now() - began).toBeLessThan(PATIENT.timeoutMs);
      expect(await kspliceModules(guest)).toEqual([]);

      const tried = await kspliceIn(guest, `apply ${plain} --dry-run --allow-busy do_nanosleep`);
      expect(tried).toMatchObject({ allowBusy: ['do_nanosleep'], timings: [{ attempts: 1 }] });

      const applied = await kspliceIn(guest, `apply ${busy}`);
      expect(applied).toMatchObject({ changed: true, allowBusy: ['do_nanosleep'] });
      expect(await isNew(guest)).toBe(true);
      expect(await guest.ok(`cat /proc/${first}/comm`)).toBe('sleep');

      // One that sleeps in the new code keeps it, but nobody enters it any more.
      const second = await nap(guest, 4000);
      expect(await kspliceFails(guest, 'undo napbusy --timeout 1')).toMatchObject({
        code: 'busy',
        message: expect.stringMatching(
          new RegExp(`runs again.*: sleep \\(${second}\\) in do_nanosleep\\+0x`),
        ),
        details: { stage: 'leaving' },
      });
      expect(await isNew(guest)).toBe(false);
      expect(await interruptedUndo(guest, second)).toMatchObject({
        code: 'interrupted',
        message: expect.stringMatching(
          new RegExp(`old code of napbusy runs again.*sleep \\(${second}\\) in do_nanosleep\\+0x`),
        ),
        advice: expect.stringContaining('`ksplice-ts undo napbusy`'),
        details: { stage: 'leaving' },
      });
      expect(await kspliceIn(guest, 'view napbusy')).toMatchObject({
        stage: 'leaving',
        note: expect.stringContaining('the old code runs again'),
      });
      expect(await guest.ok('cat /sys/kernel/ksplice/napbusy/allow_busy')).toBe('do_nanosleep ');
      await guest.ok(`kill ${second}`);
      expect(await kspliceIn(guest, 'undo napbusy')).toMatchObject({ coreUnloaded: true });
      expect(await isNew(guest)).toBe(false);
      await guest.ok(`kill ${first}`);
    });
  }, 1_800_000);
});
