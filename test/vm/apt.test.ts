// An update on its way through a fleet: from `create` and `package` into a signed apt repository, from
// there by apt to a fresh Debian with systemd and the stock kernel, over a reboot, and away again.

import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testCache, testKernel } from '../kernels/kernel.js';
import { AptRepository } from './apt-repository.js';
import { type Guest, withGuest } from './harness/index.js';
import { examplePatch, ksplice, kspliceModules, ROOT, sourcePatch } from './ksplice.js';
import { connect, listen } from './traffic/tcp.js';
import { Workshop } from './workshop.js';

const kernel = await testKernel();
/** Its new code drops the packets to one port. */
const TCP = 'apttcp';
const PORT = 6688;
/** Its new code says one word more in /proc/version. */
const WORD = 'aptword';
const ALL = `ksplice-updates-${kernel.release}`;
const KEY = '/etc/apt/keyrings/updates.gpg';
const METRICS = '/var/lib/prometheus/node-exporter/ksplice.prom';
const PATIENT = { timeoutMs: 600_000 };

const folder = join(ROOT, '.work', 'apt');
const disk = join(folder, 'disk');
let workshop: Workshop;
let repository: AptRepository;
/** The archives. */
let tcp: string;
let word: string;

beforeAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const make = [join(ROOT, 'test/packages/guest-disk.sh'), testCache(), kernel.version, kernel.deb];
  const { stdout: fresh } = await execa('bash', make, { stderr: 'inherit' });
  await execa('cp', ['--sparse=always', fresh, disk]);

  workshop = await Workshop.open(kernel, 'apt-updates');
  const { stdout: patch } = await execa('cat', [examplePatch('tcp')]);
  tcp = await workshop.create(TCP, `${patch}\n`, '--fixes', 'CVE-2026-1234');
  const edit = [/\tseq_printf\(m, linux_proc_banner,/, '\tseq_puts(m, "patched ");\n$&'] as const;
  word = await workshop.create(WORD, sourcePatch(kernel, 'fs/proc/version.c', [edit]));

  await execa('node', [join(ROOT, 'bin/packaging/make.mjs'), folder]);
  await packageNode();
  await packaged('1', ['--meta', '1'], tcp);
  repository = await AptRepository.open(folder);
  await repository.add(join(folder, '*.deb'), join(folder, '1', '*.deb'));
});

afterAll(async () => {
  await repository?.close();
});

/** Makes packages in a folder of that name. */
async function packaged(name: string, words: string[], ...updates: string[]): Promise<void> {
  const places = ['--image', join(workshop.confdir, 'image'), '--output', join(folder, name)];
  await ksplice(['package', ...places, ...words, ...updates]);
}

/** This machine's Node, for a Debian whose own is too old: as an operator of Debian 12 has to offer one. */
async function packageNode(): Promise<void> {
  const version = process.versions.node;
  const place = join(folder, 'nodejs');
  await mkdir(join(place, 'usr/bin'), { recursive: true });
  await copyFile(process.execPath, join(place, 'usr/bin/node'));
  const script = `mkdir DEBIAN
    printf '%s\\n' 'Package: nodejs' 'Version: ${version}-1' 'Architecture: amd64' 'Section: javascript' \\
      'Priority: optional' 'Maintainer: A <a@example.org>' 'Description: Node' >DEBIAN/control
    dpkg-deb --root-owner-group -Zgzip -z1 --build . ../nodejs_${version}-1_amd64.deb`;
  await execa('bash', ['-e', '-c', script], { cwd: place });
}

/** A guest in that Debian, with systemd and its network. */
async function inDebian(name: string, body: (guest: Guest) => Promise<void>): Promise<void> {
  await withGuest({ name, kernel, disk, network: true, timeoutMs: 2_400_000 }, async (guest) => {
    await guest.ok('modprobe virtio_blk && modprobe ext4');
    await guest.ok('mkdir -p /mnt/root && mount /dev/vda /mnt/root');
    await guest.startSystemd('/mnt/root');
    await guest.ok(
      `modprobe virtio_net && udevadm settle
      card=$(ls /sys/class/net | grep -v -x lo)
      ip link set lo up && ip link set "$card" up && ip address add 10.0.2.15/24 dev "$card"`,
    );
    await listen(guest, PORT, `/run/host${process.execPath}`);
    await body(guest);
    await guest.ok('sync');
  });
}

/** Whether the machine answers on the port, and what it says in /proc/version: both updates at work. */
async function behaviour(guest: Guest): Promise<string[]> {
  const version = (await guest.ok('cat /proc/version')).replace(/^(patched )?.*/, '$1').trim();
  return [await connect(guest, PORT), version];
}
const STOCK = ['accepted', ''];
const WITH_TCP = ['unanswered', ''];
const WITH_BOTH = ['unanswered', 'patched'];

/** What apt says, with its exit status at the end. */
async function apt(guest: Guest, words: string): Promise<string> {
  const quiet = 'NEEDRESTART_SUSPEND=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y';
  return said(guest, `${quiet} ${words}`);
}

async function said(guest: Guest, line: string): Promise<string> {
  const { status, stdout } = await guest.run(`${line} 2>&1`, PATIENT);
  // "Reading database ... 5%" and the like.
  const text = stdout.replaceAll('\r\n', '\n').replace(/^.*\r/gm, '');
  if (process.env.KSPLICE_TEST_SHOW) console.log(`# ${line}\n${text}`);
  return `${text}\nstatus ${status}`;
}

/** The exit status of `status` and what it says. */
async function status(guest: Guest) {
  const { status, stdout } = await guest.run('ksplice-ts status --json', PATIENT);
  return { exit: status, ...JSON.parse(stdout) };
}

/** The units' program writes the metrics; whatever they say, it has not failed. */
async function metricsOfUnit(guest: Guest): Promise<string> {
  await guest.ok(`rm -f ${METRICS}; systemctl start ksplice-ts-status.service`, PATIENT);
  return guest.ok(`cat ${METRICS}`);
}

/** Puts the updates into the repository as the next version of what depends on all of them. */
async function publish(version: number, ...updates: string[]): Promise<void> {
  await packaged(`${version}`, ['--meta', `${version}`], ...updates);
  await repository.add(join(folder, `${version}`, '*.deb'));
}

const isSettled = { verdict: 'good', exit: 0 };
const UNATTENDED = 'NEEDRESTART_SUSPEND=1 unattended-upgrade --verbose';

// The second goes on with the disk of the first.
describe('an update in an apt repository', () => {
  it('comes to a fresh system, and is applied', async () => {
    await inDebian('apt-first', async (guest) => {
      expect(await guest.ok('uname -r')).toBe(kernel.release);
      // Nothing comes from a repository whose key is not there.
      await guest.writeFile('/etc/apt/sources.list.d/updates.list', repository.line(KEY));
      expect(await apt(guest, 'update')).toContain('is not signed');
      expect(await apt(guest, `install ${ALL}`)).toMatch(/status 100$/);
      expect(await behaviour(guest)).toEqual(STOCK);

      await guest.writeFile(KEY, await repository.key());
      expect(await apt(guest, 'update')).toMatch(/status 0$/);
      expect(await guest.ok('apt-cache search CVE-2026-1234')).toContain(`ksplice-update-${TCP}`);
      expect(await apt(guest, `install ${ALL}`)).toMatch(/status 0$/);
      expect(repository.fetched).toContainEqual(
        expect.stringMatching(`/ksplice-update-${TCP}_1_amd64\\.deb$`),
      );
      expect(await behaviour(guest)).toEqual(WITH_TCP);
      expect(await status(guest)).toMatchObject({
        ...isSettled,
        updates: [{ id: TCP, stage: 'applied', installed: true }],
        fixes: { cves: ['CVE-2026-1234'] },
      });

      expect(await guest.ok('systemctl is-active ksplice-ts-status.timer')).toBe('active');
      await guest.ok(`mkdir -p ${METRICS.replace(/[^/]*$/, '')}`);
      expect(await metricsOfUnit(guest)).toMatch(/^ksplice_status 0$/m);
      await guest.ok(`ksplice-ts undo ${TCP}`, PATIENT);
      expect(await behaviour(guest)).toEqual(STOCK);
      expect(await metricsOfUnit(guest)).toMatch(/^ksplice_status 10$/m);
    });
  });

  it('outlives a reboot, gets company, and goes', async () => {
    await publish(2, tcp, word);
    await inDebian('apt-second', async (guest) => {
      expect(await behaviour(guest)).toEqual(WITH_TCP);
      expect(await guest.ok('systemctl is-active ksplice-ts.service')).toBe('active');
      expect(await status(guest)).toMatchObject({ ...isSettled, updates: [{ id: TCP }] });
      await leavesTrialAlone(guest);

      await guest.writeFile(
        '/etc/apt/apt.conf.d/52updates',
        'Unattended-Upgrade::Origins-Pattern { "origin=Example"; };\n',
      );
      expect(await apt(guest, 'update')).toMatch(/status 0$/);
      expect(await said(guest, UNATTENDED)).toMatch(/status 0$/);
      expect(await behaviour(guest)).toEqual(WITH_BOTH);
      await refusesWhatDoesNotFit(guest);

      // What is left out of the next version is taken back.
      await publish(3, tcp);
      expect(await apt(guest, 'update')).toMatch(/status 0$/);
      expect(await said(guest, UNATTENDED)).toMatch(/status 0$/);
      expect(await behaviour(guest)).toEqual(WITH_TCP);

      expect(await apt(guest, `remove ksplice-update-${TCP}`)).toMatch(/status 0$/);
      expect(await behaviour(guest)).toEqual(STOCK);
      expect(await kspliceModules(guest)).toEqual([]);
      expect(await status(guest)).toMatchObject({ ...isSettled, updates: [] });
    });
  });
});

/** needrestart finds the trial's program to be older than its library, and does not restart it. */
async function leavesTrialAlone(guest: Guest): Promise<void> {
  expect(await guest.ok('systemctl is-active ksplice-ts-watch.service')).toBe('active');
  await guest.ok(
    'library=$(ldd /bin/sleep | sed -n "s/.*libc.*=> \\([^ ]*\\).*/\\1/p"); cp -a "$(realpath $library)" /root/new && mv /root/new "$(realpath $library)"',
  );
  const report = await said(guest, 'needrestart -r l');
  expect(report).toMatch(/deferred:\n(.*\n)*.*ksplice-ts-watch\.service/);
}

/** Another kernel's, and an older one: one message each, and nothing is half done. */
async function refusesWhatDoesNotFit(guest: Guest): Promise<void> {
  const files = (name: string) => `/run/host${join(folder, name)}/ksplice-update-*.deb`;
  const other = ['package', '--kernel-version', '0.1-1', '--output', join(folder, 'other')];
  await ksplice([...other, '--revision', '9', tcp]);
  const elsewhere = await apt(guest, `install ${files('other')}`);
  expect(elsewhere).toMatch(/linux-image-\S+ \(= 0\.1-1\)/);
  expect(elsewhere).toMatch(/status 100$/);
  await packaged('newer', ['--revision', '2'], tcp);
  expect(await apt(guest, `install ${files('newer')}`)).toMatch(/status 0$/);
  const downgrade = await apt(guest, `install --allow-downgrades ${files('1')}`);
  expect(downgrade).toContain('revision 2 is installed, and 1 is older; remove it first');
  expect(downgrade).toMatch(/status 100$/);
  expect(await behaviour(guest)).toEqual(WITH_BOTH);
  expect(await guest.ok('dpkg --audit')).toBe('');
}
