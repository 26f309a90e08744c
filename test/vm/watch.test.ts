// Updates that hurt, in a guest: a patch of /proc/version warns or oopses when the file is read.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { long } from '../support/long.js';
import { type Guest, withGuest } from './harness/index.js';
import { configure, ksplice, kspliceModules, ROOT, sourcePatch, toolLine } from './ksplice.js';

const kernel = await testKernel();
const ID = 'watched';
const PATIENT = { timeoutMs: 300_000 };

let update: string;
beforeAll(async () => {
  const folder = join(ROOT, '.work', `update-${ID}-${kernel.release}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await configure(kernel, join(folder, 'conf'));
  const patch = sourcePatch(kernel, 'fs/proc/version.c', [
    [/\tseq_printf\(m, linux_proc_banner,/, '\tWARN(1, "hurts on purpose\\n");\n$&'],
  ]);
  await writeFile(join(folder, 'hurts.patch'), patch);
  const args = ['--patch', join(folder, 'hurts.patch'), '--config', join(folder, 'conf')];
  await ksplice(['create', ...args, '--id', ID, '--output', folder]);
  update = join(folder, `ksplice-${ID}.tar.gz`);
});

/** The error of an apply whose update was taken back. */
async function takenBack(guest: Guest, words: string) {
  const { status, stdout } = await guest.run(toolLine(`apply ${words} ${update}`), PATIENT);
  expect({ status, stdout }).toMatchObject({ status: 11 });
  expect(await kspliceModules(guest)).toEqual([]);
  const again = await guest.run(toolLine(`apply ${update}`), PATIENT);
  expect(again.status).toBe(11);
  return (JSON.parse(stdout) as { error: { code: string; message: string; details: unknown } })
    .error;
}

const HURTS = "--watch 5m --probe 'test -r /proc/uptime'";
const LOUD = expect.stringMatching(/IN NEW CODE, at version_proc_show\+0x/);

/** Reads the file as soon as the update is applied, from outside of the tool. */
const READER =
  "sh -c 'until grep -q applied /sys/kernel/ksplice/watched/stage 2>/dev/null; do sleep 1; done; cat /proc/version' >/dev/null 2>&1 &";

function expectHurt(guest: Guest): void {
  for (const words of [/WARNING/, /hurts on purpose/, /Call Trace/]) guest.expectLog(words);
}

describe('apply --watch', () => {
  it('takes back an update that warns when a file is read', async () => {
    await withGuest({ name: 'watch-warn', kernel }, async (guest) => {
      expectHurt(guest);
      await guest.ok(READER);
      expect(await takenBack(guest, HURTS)).toMatchObject({ code: 'withdrawn', message: LOUD });
      expect(await guest.ok('cat /proc/version')).toContain('Linux version');
    });
  });

  long('takes back an update whose probe fails', async () => {
    await withGuest({ name: 'watch-probe', kernel }, async (guest) => {
      const probe = "--watch 5m --probe 'test ! -e /sys/kernel/ksplice/watched'";
      expect(await takenBack(guest, probe)).toMatchObject({
        message: expect.stringContaining('the probe failed (status 1)'),
      });
    });
  });

  long('goes on when its watcher is killed', async () => {
    await withGuest({ name: 'watch-killed', kernel }, async (guest) => {
      expectHurt(guest);
      const kill =
        'sh -c \'until grep -q applied /sys/kernel/ksplice/watched/stage 2>/dev/null; do sleep 1; done; pkill -KILL -f "watch watched\\$"; cat /proc/version\' >/dev/null 2>&1 &';
      await guest.ok(kill);
      expect(await takenBack(guest, HURTS)).toMatchObject({ message: LOUD });
    });
  });
});
