// Installed updates over several boots of one machine: applied early, in order,
// on the very kernel that they are for, and not tried again after a crash.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { bootGuest, type Guest, withGuest } from './harness/index.js';
import { exampleUpdate, kspliceFails, kspliceIn, kspliceModules, toolLine } from './ksplice.js';

const FIRST = 'boottcp';
const SECOND = 'bootsctp';
const PATIENT = { timeoutMs: 240_000 };

let first: string;
let second: string;
let folder: string;
let disk: string;

beforeAll(async () => {
  const kernel = await testKernel();
  ({ file: first } = await exampleUpdate(kernel, 'tcp', FIRST));
  ({ file: second } = await exampleUpdate(kernel, 'sctp', SECOND));
  folder = await mkdtemp(path.join(tmpdir(), 'ksplice-boot-'));
  disk = path.join(folder, 'disk');
  await execa('truncate', ['-s', '64M', disk]);
  await execa('mkfs.ext4', ['-q', '-E', 'root_owner=0:0', disk]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The directory that lasts, where the tool has it. */
async function withDisk(guest: Guest): Promise<void> {
  await guest.ok('modprobe virtio_blk && modprobe ext4');
  await guest.ok('mkdir -p /mnt/disk /var/lib/ksplice && mount -t ext4 /dev/vda /mnt/disk');
  await guest.ok('mkdir -p -m 700 /mnt/disk/ksplice && chmod 700 /var/lib/ksplice');
  await guest.ok('mount --bind /mnt/disk/ksplice /var/lib/ksplice');
}

/** Each update's outcome at this boot. */
async function outcomes(guest: Guest): Promise<string[]> {
  const { updates } = (await kspliceIn(guest, 'list')) as {
    updates: { id: string; boot: { outcome: string } | null }[];
  };
  return updates.map(({ id, boot }) => `${id} ${boot?.outcome}`);
}

/** Whether each is on trial in this boot. */
async function onTrial(guest: Guest): Promise<boolean[]> {
  const { updates } = (await kspliceIn(guest, 'list')) as { updates: { onTrial: boolean }[] };
  return updates.map((one) => one.onTrial);
}

/** Starts systemd with the units that are on the disk. */
async function startWithUnits(guest: Guest): Promise<void> {
  await withDisk(guest);
  await guest.ok('cp -a /mnt/disk/units/. /etc/systemd/system');
  await guest.startSystemd();
}

/** `ksplice-ts boot` with an insmod that runs WHAT after it has loaded a module of the name's end. */
function bootWith(end: string, what: string): string {
  return `PATH=/run/test/bin:$PATH WHERE=${end} WHAT='${what}' ${toolLine('boot')}`;
}

async function trapInsmod(guest: Guest): Promise<void> {
  await guest.writeFile(
    '/run/test/bin/insmod',
    '#!/bin/bash\nset -e\n/usr/sbin/insmod "$@"\n[[ $1 != *$WHERE.ko ]] || eval "$WHAT"\n',
    0o755,
  );
}

/** The tool is killed, not the machine: no crash, so what was being applied is tried again. */
async function survivesKill(guest: Guest): Promise<void> {
  await trapInsmod(guest);
  const kill = 'kill -KILL $(ps -o ppid= -p $PPID)';
  await guest.run(bootWith(`${SECOND}_sctp_old`, kill), PATIENT);
  await guest.ok('test -e /var/lib/ksplice/attempt.json');
  expect(await kspliceIn(guest, 'boot')).toMatchObject({ ok: true });
  expect(await outcomes(guest)).toEqual([`${SECOND} applied`, `${FIRST} applied`]);
  await guest.ok('test ! -e /var/lib/ksplice/attempt.json');
}

/** Whatever kills the watcher, systemd starts it again, and the trial goes on. */
async function restartsWatcher(guest: Guest): Promise<void> {
  const unit = 'ksplice-ts-watch.service';
  const pid = `systemctl show --property=MainPID --value ${unit}`;
  const watches = '! flock -n /run/ksplice/watcher true';
  // The second signal comes when it has hardly begun.
  for (const [signal, ready] of [
    ['KILL', watches],
    ['TERM', 'true'],
    ['TERM', watches],
  ]) {
    const isThere = `[ $(${pid}) != 0 ] && ${ready}`;
    const before = await guest.ok(`until ${isThere}; do sleep 1; done; ${pid}`, PATIENT);
    await guest.ok(`kill -${signal} ${before}`);
    const isNew = `[ $(${pid}) != ${before} ] && [ $(${pid}) != 0 ]`;
    await guest.ok(`until ${isNew}; do sleep 1; done`, PATIENT);
    expect(await onTrial(guest)).toEqual([true]);
  }
}

describe('installed updates', () => {
  it('are applied at each boot, in order, and only on their kernel', async () => {
    await withGuest({ name: 'boot-1', disk }, async (guest) => {
      await withDisk(guest);
      await guest.ok('modprobe sctp');
      expect(await kspliceIn(guest, 'list')).toEqual({ ok: true, updates: [] });
      expect(await kspliceIn(guest, `install ${second}`)).toMatchObject({
        changed: true,
        order: 1,
      });
      expect(await kspliceIn(guest, `install ${first}`)).toMatchObject({ changed: true, order: 2 });
      expect(await kspliceIn(guest, `install ${first}`)).toMatchObject({ changed: false });
      // Nothing is applied by it, and nobody but root sees what there is.
      expect(await kspliceModules(guest)).toEqual([]);
      expect(await guest.ok('find /var/lib/ksplice ! -user root -o -perm /077')).toBe('');
      expect(await kspliceIn(guest, 'list')).toMatchObject({
        updates: [
          { id: SECOND, stage: null, thisKernel: true, boot: null, targets: ['sctp'] },
          { id: FIRST, stage: null, thisKernel: true, boot: null, targets: ['vmlinux'] },
        ],
      });
      expect(await kspliceFails(guest, 'uninstall nosuch')).toMatchObject({
        code: 'not-installed',
      });
    });

    // Early at boot the module is not there: said, no failure, and made good when it is.
    await withGuest({ name: 'boot-2', disk }, async (guest) => {
      await withDisk(guest);
      expect(await kspliceIn(guest, 'boot')).toMatchObject({
        updates: [
          { id: SECOND, outcome: 'waiting', message: expect.stringContaining('module sctp') },
          { id: FIRST, outcome: 'applied' },
        ],
      });
      expect(await kspliceIn(guest, 'view')).toMatchObject({
        updates: [
          { id: FIRST, stage: 'applied', waiting: [] },
          { id: SECOND, stage: 'waiting', waiting: ['sctp'] },
        ],
      });
      await guest.ok('echo 200 >/sys/module/ksplice/parameters/helper_seconds');
      await guest.ok('modprobe sctp', PATIENT);
      expect(await kspliceIn(guest, `view --id ${SECOND}`)).toMatchObject({ stage: 'applied' });
      await kspliceIn(guest, 'boot');
      expect(await outcomes(guest)).toEqual([`${SECOND} applied`, `${FIRST} applied`]);
      // In the order in which they got into the kernel.
      expect(await kspliceIn(guest, 'view')).toMatchObject({
        updates: [
          { id: FIRST, stage: 'applied' },
          { id: SECOND, stage: 'applied' },
        ],
      });
      await kspliceIn(guest, `uninstall ${FIRST}`);
      expect(await kspliceIn(guest, `view --id ${FIRST}`)).toMatchObject({ stage: 'applied' });

      // The same release, built once more.
      const record = `/var/lib/ksplice/updates/${SECOND}/installed.json`;
      await guest.ok(`sed -i 's/"buildId":"../"buildId":"zz/' ${record} && sync`);
    });

    await withGuest({ name: 'boot-3', disk }, async (guest) => {
      await withDisk(guest);
      await guest.ok('modprobe sctp');
      await kspliceIn(guest, 'boot');
      expect(await outcomes(guest)).toEqual([`${SECOND} other-kernel`]);
      expect(await kspliceModules(guest)).toEqual([]);
      await kspliceIn(guest, `uninstall ${SECOND}`);
      expect(await kspliceIn(guest, 'list')).toEqual({ ok: true, updates: [] });
    });
  });

  it('are applied by systemd, before sysinit.target', async () => {
    await withGuest({ name: 'boot-systemd' }, async (guest) => {
      await kspliceIn(guest, `install ${first}`);
      expect(await kspliceModules(guest)).toEqual([]);
      await guest.startSystemd();
      const journal = await guest.ok('journalctl --no-pager -o cat -u ksplice-ts.service');
      expect(journal).toContain(`Update ${FIRST} is applied.`);
      expect(await kspliceModules(guest)).toEqual(['ksplice', `ksplice_${FIRST}_vmlinux_new`]);
      const since = async (unit: string) =>
        Number(await guest.ok(`systemctl show -P ActiveEnterTimestampMonotonic ${unit}`));
      expect(await since('ksplice-ts.service')).toBeGreaterThan(0);
      expect(await since('ksplice-ts.service')).toBeLessThanOrEqual(await since('sysinit.target'));

      await kspliceIn(guest, `uninstall ${FIRST}`);
      expect(await guest.run('systemctl cat ksplice-ts.service')).toMatchObject({ status: 1 });
    });
  });

  it('are left alone after a first boot with them that does not go well', async () => {
    const doomed = await bootGuest({ name: 'boot-trial', disk });
    await withDisk(doomed);
    await kspliceIn(doomed, `install ${first}`);
    await doomed.ok('cp -a /etc/systemd/system/. /mnt/disk/units && sync');
    await doomed.startSystemd();
    expect(await outcomes(doomed)).toEqual([`${FIRST} applied`]);
    expect(await onTrial(doomed)).toEqual([true]);
    doomed.spawn('echo c >/proc/sysrq-trigger');
    await doomed.ended();

    const warned = await bootGuest({ name: 'boot-warned', disk });
    await startWithUnits(warned);
    expect(await outcomes(warned)).toEqual([`${FIRST} withdrawn`]);
    expect(await kspliceModules(warned)).toEqual([]);
    const journal = await warned.ok('journalctl --no-pager -o cat -u ksplice-ts.service');
    expect(journal).toMatch(/was withdrawn .*: the machine went down in the first boot with it/);
    await kspliceIn(warned, `clear ${FIRST}`);
    expect(await kspliceIn(warned, 'boot')).toMatchObject({ updates: [{ outcome: 'applied' }] });
    expect(await onTrial(warned)).toEqual([true]);
    await restartsWatcher(warned);
    warned.spawn('systemctl poweroff');
    await warned.ended();

    // It went down in order, so it is applied again, and no crash is its fault any more.
    await withGuest({ name: 'boot-survived', disk }, async (guest) => {
      await startWithUnits(guest);
      expect(await outcomes(guest)).toEqual([`${FIRST} applied`]);
      expect(await onTrial(guest)).toEqual([false]);
      // The same watcher, for one who asks.
      expect(await kspliceIn(guest, `apply --watch 2s ${first}`)).toMatchObject({ watched: 2 });
      await kspliceIn(guest, `uninstall ${FIRST}`);
    });
  });

  it.each([
    ['crashes', (guest: Guest) => guest.ended(), 'echo c >/proc/sysrq-trigger'],
    ['loses its power', (guest: Guest) => guest.cutPower(), 'echo here >&2; sleep 600'],
  ])('are left alone after a boot in which the machine %s', async (how, goDown, what) => {
    const doomed = await bootGuest({ name: 'boot-dies', disk });
    await withDisk(doomed);
    await doomed.ok('modprobe sctp');
    await kspliceIn(doomed, `install ${second}`);
    await kspliceIn(doomed, `install ${first}`);
    await trapInsmod(doomed);
    doomed.spawn(bootWith(`${SECOND}_sctp_new`, what));
    if (how === 'loses its power') {
      await doomed.ok(
        `until grep -q ^ksplice_${SECOND}_sctp_new /proc/modules; do sleep 1; done`,
        PATIENT,
      );
    }
    await goDown(doomed);

    await withGuest({ name: 'boot-after', disk }, async (guest) => {
      await withDisk(guest);
      await guest.ok('modprobe sctp');
      expect(await kspliceFails(guest, 'boot')).toMatchObject({
        code: 'boot-incomplete',
        message: expect.stringMatching(new RegExp(`1 of 2 .*${SECOND} is not tried`)),
      });
      expect(await outcomes(guest)).toEqual([`${SECOND} crashed`, `${FIRST} applied`]);
      expect(await kspliceModules(guest)).toEqual(['ksplice', `ksplice_${FIRST}_vmlinux_new`]);
      const text = await guest.ok(toolLine('list').replace(' --json', ''));
      expect(text).toContain(`${SECOND} [crashed a boot, not tried again]`);

      expect(await kspliceIn(guest, `install ${second}`)).toMatchObject({ changed: true });
      if (how === 'crashes') await survivesKill(guest);
      await kspliceIn(guest, `uninstall ${FIRST}`);
      await kspliceIn(guest, `uninstall ${SECOND}`);
    });
  });
});
