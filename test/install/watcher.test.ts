import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { applyUpdate } from '../../src/apply/apply.js';
import { silentUi, type Ui } from '../../src/base/ui.js';
import { allWatches, readWatch } from '../../src/host/watched.js';
import { withdrawn } from '../../src/host/withdrawn.js';
import { awaitVerdict } from '../../src/install/await-verdict.js';
import { installUpdate, listInstalled } from '../../src/install/install.js';
import { startTrial, startWatch } from '../../src/install/start-watch.js';
import { readVerdict, writeWatch } from '../../src/install/watch-files.js';
import { watchUpdates } from '../../src/install/watcher.js';
import { rememberWithdrawn } from '../../src/install/withdraw.js';
import { readStatus } from '../../src/status/status.js';
import { readUpdate } from '../../src/update/read.js';
import type { Update } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import { SimulatedKernel } from '../apply/simulated-kernel.js';
import { makeSample, withDirectory } from '../update/sample.js';

const LONG = { seconds: 600, probes: [], maxStop: 0 };

/** A kernel whose systemd starts the watcher as part of this process. */
class WatchedKernel extends SimulatedKernel {
  /** Aborted to stop the watcher. */
  readonly stop = new AbortController();
  /** The watchers that were started. */
  readonly watchers: Promise<unknown>[] = [];

  override async systemdRun(words: readonly string[]): Promise<string | undefined> {
    await super.systemdRun(words);
    const ui: Ui = { ...silentUi, signal: this.stop.signal };
    this.watchers.push(watchUpdates('systemd', this, ui).catch((error) => error));
    return undefined;
  }

  say(text: string): void {
    this.log.push({ sequence: this.log.length, fromKernel: true, text });
  }
}

interface Bench {
  kernel: WatchedKernel;
  update: Update;
  apply(): Promise<unknown>;
}

/** A kernel, and an update that is not applied yet. */
const withUpdate = (use: (bench: Bench) => Promise<void>) => () =>
  withDirectory(async (where) => {
    const kernel = new WatchedKernel(where);
    await kernel.boot();
    await kernel.put('sys/kernel/notes', '\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0abcdefghijklmnopqrst');
    await kernel.put('proc/sys/kernel/random/boot_id', 'first\n');
    await kernel.put('proc/sys/kernel/tainted', '0\n');
    await kernel.put(`proc/${process.pid}/stat`, `1 (a b) S${' 0'.repeat(18)} 77 0\n`);
    kernel.say('BUG: before the watch');
    const { directory } = await makeSample(where, { id: 'a1', targets: ['vmlinux'] });
    const archive = path.join(where, 'ksplice-a1.tar.gz');
    await writeUpdate(directory, archive);
    const update = await readUpdate(archive);
    const apply = () => applyUpdate(update, kernel, { timeout: 0 }, silentUi);
    try {
      await use({ kernel, update, apply });
    } finally {
      kernel.stop.abort();
      await Promise.all(kernel.watchers);
    }
  });

const verdictOn = (kernel: WatchedKernel) => awaitVerdict('a1', kernel, silentUi);

describe('a watch', () => {
  it(
    'ends well if nothing is wrong, and the update is not on trial any more',
    withUpdate(async ({ kernel, update, apply }) => {
      await installUpdate(update, kernel);
      await startWatch('a1', kernel, { ...LONG, seconds: 1, probes: ['true'], maxStop: 1e9 });
      await apply();
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'good' });
      await Promise.all(kernel.watchers);
      expect(await allWatches(kernel)).toEqual([]);
      expect(await kernel.stageOf('a1')).toBe('applied');
      const survived = path.join(kernel.paths.installed, 'updates/a1/survived.json');
      expect(await kernel.read(survived)).toContain('first');
    }),
  );

  it(
    'takes back what the kernel complains about, also if it did so before the switch was seen',
    withUpdate(async ({ kernel, apply }) => {
      await startWatch('a1', kernel, LONG);
      kernel.say('WARNING: CPU: 0 PID: 1 at net/x.c:1 f+0x1/0x2');
      await pause(2500);
      await apply();
      expect(await verdictOn(kernel)).toEqual({
        outcome: 'withdrawn',
        message:
          'the kernel log has "WARNING: CPU: 0 PID: 1 at net/x.c:1 f+0x1/0x2". It was undone',
      });
      expect(kernel.modules).toEqual(['sctp']);
      expect(await withdrawn(kernel, 'a1')).toMatchObject({ remains: 'nothing' });
      expect(await readStatus(kernel, silentUi)).toMatchObject({ verdict: 'withdrawn' });
      const again = expect(startWatch('a1', kernel, LONG)).rejects;
      await again.toMatchObject({ code: 'withdrawn', exitStatus: 11 });
    }),
  );

  it(
    'says louder that new code complains',
    withUpdate(async ({ kernel, apply }) => {
      await startWatch('a1', kernel, LONG);
      await apply();
      kernel.say('WARNING: at x');
      kernel.say(' seq_read+0x1/0x2');
      kernel.say('BUG: kernel NULL pointer dereference');
      kernel.say('RIP: 0010:f+0x1/0x2 [ksplice_a1_vmlinux_new]');
      const loud = expect.stringMatching(/^IN NEW CODE, at f\+0x1\/0x2: .*BUG: kernel NULL/);
      expect(await verdictOn(kernel)).toMatchObject({ message: loud });
    }),
  );

  it(
    'counts a taint whose report is lost',
    withUpdate(async ({ kernel, apply }) => {
      await startWatch('a1', kernel, LONG);
      await apply();
      await kernel.put('proc/sys/kernel/tainted', '512\n');
      const message = expect.stringContaining('(taint W)');
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'withdrawn', message });
    }),
  );

  it(
    'takes back what makes a probe fail, and applies nothing if one fails before',
    withUpdate(async ({ kernel, apply }) => {
      const flag = path.join(kernel.paths.sysfs, 'works');
      const probes = ['true', `test -e ${flag}`];
      const early = expect(startWatch('a1', kernel, { ...LONG, probes })).rejects;
      await early.toMatchObject({ code: 'command-failed' });
      expect(await allWatches(kernel)).toEqual([]);
      await kernel.put('sys/works', '');
      await startWatch('a1', kernel, { ...LONG, probes });
      await apply();
      await kernel.forget('sys/works');
      const message = expect.stringContaining('the probe failed (status 1): test -e');
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'withdrawn', message });
    }),
  );

  it(
    'takes back what stopped the machine for too long',
    withUpdate(async ({ kernel, apply }) => {
      await startWatch('a1', kernel, { ...LONG, maxStop: 399_999 });
      await apply();
      const message = expect.stringContaining('was stopped for 0.40 ms, and 0.40 ms are allowed');
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'withdrawn', message });
    }),
  );

  it(
    'goes on when its watcher is killed, and takes back what another one began to',
    withUpdate(async ({ kernel, apply }) => {
      await startWatch('a1', kernel, LONG);
      await apply();
      // A signal that systemd did not send ends the watcher, and not the watch.
      kernel.stop.abort();
      expect(await kernel.watchers[0]).toMatchObject({ code: 'interrupted' });
      expect(await readWatch(kernel, 'a1')).toMatchObject({ keeper: 'systemd' });
      expect(await readStatus(kernel, silentUi)).toMatchObject({
        health: { problems: [{ code: 'unfinished', updates: ['a1'] }] },
      });
      const when = new Date().toISOString();
      await rememberWithdrawn(kernel, {
        ...{ id: 'a1', when, reason: 'it hurt', remains: 'undoing', buildId: '' },
      });
      await watchUpdates('systemd', kernel, silentUi);
      expect(await readVerdict(kernel, 'a1')).toMatchObject({
        outcome: 'withdrawn',
        message: expect.stringMatching(/^it hurt\. /),
      });
      expect(await kernel.stageOf('a1')).toBeUndefined();
    }),
  );

  it(
    'gets another watcher if nobody starts it again',
    withUpdate(async ({ kernel, apply }) => {
      await startWatch('a1', kernel, { ...LONG, seconds: 30 });
      await apply();
      kernel.stop.abort();
      await Promise.all(kernel.watchers);
      const watch = (await readWatch(kernel, 'a1'))!;
      await writeWatch(kernel, { ...watch, until: 1 });
      kernel.systemdRun = async () => {
        kernel.watchers.push(watchUpdates('systemd', kernel, silentUi));
        return undefined;
      };
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'good' });
      expect(kernel.watchers).toHaveLength(2);
    }),
    60_000,
  );

  it(
    'ends in order when systemd stops it, and not if the machine goes down',
    withUpdate(async ({ kernel, update, apply }) => {
      await startWatch('a1', kernel, LONG);
      await apply();
      await pause(1500);
      const watch = (await readWatch(kernel, 'a1'))!;
      expect(watch.until).toBeGreaterThan(0);
      kernel.unit = 'deactivating';
      kernel.stop.abort();
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'ended' });
      await kernel.put('proc/sys/kernel/random/boot_id', 'second\n');
      expect(await withdrawn(kernel, 'a1')).toBeUndefined();

      // The record is there still: nobody ended it.
      await writeWatch(kernel, watch);
      expect(await withdrawn(kernel, 'a1')).toMatchObject({
        reason: 'the machine went down while it was watched',
      });
      await expect(installUpdate(update, kernel)).rejects.toMatchObject({ code: 'withdrawn' });
      // A shell does not see that a machine is shut down.
      await writeWatch(kernel, { ...watch, keeper: 'shell' });
      expect(await withdrawn(kernel, 'a1')).toBeUndefined();
    }),
  );

  it(
    'is over if others take the update back, or its apply was killed',
    withUpdate(async ({ kernel }) => {
      await startWatch('a1', kernel, LONG);
      await kernel.put(`proc/${process.pid}/stat`, `1 (a b) S${' 0'.repeat(18)} 78 0\n`);
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'gone' });
    }),
  );

  it(
    'refuses to begin where no watcher can be started',
    withUpdate(async ({ kernel }) => {
      kernel.systemdRun = async () => 'no such thing';
      kernel.unit = 'inactive';
      await expect(startWatch('a1', kernel, LONG)).rejects.toMatchObject({
        code: 'command-failed',
        message: expect.stringContaining('no such thing'),
      });
      expect(await startTrial('a1', kernel)).toBe(false);
      expect(await allWatches(kernel)).toEqual([]);
    }),
  );
});

describe('the trial of a first boot', () => {
  it(
    'is a watch that counts only complaints of new code',
    withUpdate(async ({ kernel, update, apply }) => {
      await installUpdate(update, kernel);
      expect(await startTrial('a1', kernel)).toBe(true);
      await apply();
      kernel.say('WARNING: CPU: 0 PID: 1 at drivers/x.c:1 probe+0x1/0x2');
      await pause(3000);
      expect(await listInstalled(kernel, silentUi)).toMatchObject([{ onTrial: true }]);
      expect(await kernel.stageOf('a1')).toBe('applied');
      kernel.say('WARNING: CPU: 0 PID: 1 at net/x.c:1 f+0x1/0x2 [ksplice_a1_vmlinux_new]');
      expect(await verdictOn(kernel)).toMatchObject({ outcome: 'withdrawn' });
      expect(await kernel.stageOf('a1')).toBeUndefined();
    }),
  );

  it(
    'is blamed for a machine that goes down, from its first moment on',
    withUpdate(async ({ kernel }) => {
      kernel.systemdRun = async () => undefined;
      expect(await startTrial('a1', kernel)).toBe(true);
      await writeFile(path.join(kernel.paths.proc, 'sys/kernel/random/boot_id'), 'second\n');
      expect(await withdrawn(kernel, 'a1')).toMatchObject({
        reason: 'the machine went down in the first boot with it',
      });
    }),
  );
});
