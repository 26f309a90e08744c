// Modules that are loaded when an update awaits them: the core has them patched
// before they start, or keeps them from starting. The helper is a script here,
// which loads what the test has built.

import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasOption, testKernel } from '../../kernels/kernel.js';
import { where } from '../../support/where.js';
import { bootGuest, type Guest, withGuest } from '../harness/index.js';
import {
  type Base,
  type Built,
  buildBase,
  buildUpdates,
  type Change,
  type Update,
} from './kbuild.js';
import { OLD_ANSWERS, Scene } from './scene.js';

const kernelPart: Change = { target: 'vmlinux', functions: ['cmdline_proc_show'] };
const modulePart: Change = {
  target: 'core_target',
  functions: ['core_plain', 'core_label'],
  data: ['core_table'],
};
const of = (id: string, changes: Change[], on: string[] = []): Update => ({
  id,
  changes,
  on,
  suffix: ` of ${id}`,
});
const updates: readonly Update[] = [
  of('both', [kernelPart, modulePart]),
  of('only', [modulePart]),
  of('upper', [kernelPart, modulePart], ['both']),
  of('wrong', [{ ...modulePart, newCookie: 7n }]),
];

const HELPER = '/run/test/helper';
const PATIENT = { timeoutMs: 120_000 };
const NEW = ['new core_plain', 'new core_label', 'new op'];

let base: Base;
let built: Map<string, Built>;
let first: Guest;
let guest: Guest;
let scene: Scene;

beforeAll(async () => {
  const kernel = await testKernel();
  base = await buildBase(kernel);
  built = await buildUpdates(base, updates);
  const options = { name: 'core-late', kernel, parallel: true, timeoutMs: 3_600_000 };
  await begin(await bootGuest(options));
  first = guest;
});

afterAll(async () => {
  await first?.close();
  if (base) await rm(base.directory, { recursive: true, force: true });
});

async function begin(booted: Guest): Promise<void> {
  guest = booted;
  scene = new Scene(guest, base, built);
  await scene.startCore();
  const place = dirname(dirname(scene.built('both').modules[0]!.old));
  await guest.writeFile(HELPER, script(place), 0o755);
  await guest.ok(`cat <<<'${HELPER}\nword' >/sys/kernel/ksplice/helper`);
  await guest.ok('echo 100 >/sys/module/ksplice/parameters/helper_seconds');
}

afterEach(async () => {
  guest = first;
  // One failure must not become ten.
  await guest.ok(`rm -f /run/test/before /run/test/instead
    for id in upper both only wrong; do
      echo reversed >/sys/kernel/ksplice/$id/stage
      echo -$id core_target >/sys/kernel/ksplice/awaited
    done 2>/dev/null
    rmmod core_target $(awk '/^ksplice_/ { print $1 }' /proc/modules); true`);
  const left =
    "awk '/^(ksplice_|core_)/ { print $1 }' /proc/modules; cat /sys/kernel/ksplice/awaited";
  expect(await guest.ok(left)).toBe('');
});

/** What the tool does when the core calls it. */
function script(place: string): string {
  return `#!/bin/bash
exec </dev/null >>/run/test/helper.log 2>&1
echo "$@"
[[ ! -e /run/test/instead ]] || . /run/test/instead
mapfile -t awaited </sys/kernel/ksplice/awaited
for line in "\${awaited[@]}"; do
  read -r id target <<<"$line"
  [[ $target == "$3" ]] || continue
  name=ksplice_\${id}_$target
  going="\${name}_new \${name}_old $going"
done
rmmod $going
[[ $2 == coming ]] || exit
[[ ! -e /run/test/before ]] || . /run/test/before
for line in "\${awaited[@]}"; do
  read -r id target <<<"$line"
  [[ $target == "$3" ]] || continue
  name=ksplice_\${id}_$target
  insmod ${place}/$id/\${name}_old.ko
  insmod ${place}/$id/\${name}_new.ko
  for i in {1..20}; do
    echo applied >/sys/kernel/ksplice/$id/stage && break
    cat /sys/kernel/ksplice/$id/{abort_cause,match}
  done
  rmmod \${name}_old
done
`;
}

const awaitTarget = (id: string) =>
  guest.ok(`echo +${id} core_target >/sys/kernel/ksplice/awaited`);
const insmod = (words = '') => guest.ok(`insmod ${base.target} ${words}`, PATIENT);
const answers = () => scene.answers();
const newOf = (id: string) => NEW.map((answer) => `${answer} of ${id}`);
const atInit = async () =>
  (await guest.ok('cat /sys/module/core_target/parameters/at_init')).trim().split('\n');
const initLines = async () =>
  (await guest.dmesg())
    .map(({ text }) => text)
    .filter((text) => text.includes('at init:'))
    .at(-1);
const cmdline = () => guest.ok('cat /proc/cmdline');

/** An update of which the kernel's part is applied, and the module's awaited. */
async function applyPart(id: string): Promise<void> {
  await awaitTarget(id);
  await scene.load(id, 'vmlinux');
  await scene.apply(id);
  await guest.ok(`rmmod ksplice_${id}_vmlinux_old`);
}

describe('a module that an update awaits', () => {
  it('is patched before it starts, and undone with the rest', async () => {
    const before = await cmdline();
    await applyPart('both');
    expect(await cmdline()).toBe('new cmdline');
    await insmod();
    expect(await atInit()).toEqual(newOf('both'));
    expect(await answers()).toEqual(newOf('both'));
    const state = await scene.state('both');
    expect(state).toMatchObject({ stage: 'applied', abort_cause: 'ok', order: '1' });
    expect(state.functions.split('\n').map((line) => line.split(' ', 2).join(' '))).toEqual([
      'vmlinux cmdline_proc_show',
      'core_target core_plain',
      'core_target core_label',
      'core_target core_table',
    ]);
    // Like any module that is patched.
    expect(await guest.run('rmmod core_target')).toMatchObject({ status: 1 });
    expect(await scene.stage('both', 'applied')).toMatch(/already in progress/);
    expect(await scene.stage('both', 'reversed')).toBe('');
    expect(await answers()).toEqual(OLD_ANSWERS);
    expect(await cmdline()).toBe(before);
    expect(await guest.ok('cat /sys/kernel/ksplice/awaited')).toBe('');
  });

  it('is the first that there is of an update', async () => {
    await awaitTarget('only');
    await insmod();
    expect(await atInit()).toEqual(newOf('only'));
    expect(await scene.state('only')).toMatchObject({ stage: 'applied', abort_cause: 'ok' });
  });

  it('gets its parts of several updates, the lower first', async () => {
    await applyPart('both');
    await applyPart('upper');
    await insmod();
    expect(await atInit()).toEqual(newOf('upper'));
    await scene.refused('both', 'reversed', 'stacked');
    expect(await scene.stage('upper', 'reversed')).toBe('');
    expect(await answers()).toEqual(newOf('both'));
  });

  it('can be loaded twice at once', async () => {
    await awaitTarget('only');
    // Since 6.5 the kernel takes two loads of one file for one.
    await guest.ok(`cp ${base.target} /run/test/copy.ko`);
    const both = `insmod ${base.target} & insmod /run/test/copy.ko; first=$?; wait $!; echo $first $?`;
    expect((await guest.ok(both, PATIENT)).split(' ').sort()).toEqual(['0', '1']);
    expect(await answers()).toEqual(newOf('only'));
  });
});

describe('a module that was patched and does not start', () => {
  it('goes without a trace, and is awaited again', async () => {
    await applyPart('both');
    await applyPart('upper');
    expect(await guest.run(`insmod ${base.target} fail=1`, PATIENT)).toMatchObject({ status: 1 });
    expect(await initLines()).toContain('new core_plain of upper');
    expect(await scene.state('upper')).toMatchObject({ stage: 'applied' });
    expect((await scene.state('upper')).functions).toMatch(/^vmlinux \S+ \S+ \S+ \S+$/);
    // Its new code was bound to what is gone.
    expect(await guest.ok('grep -c ^ksplice_ /proc/modules')).toBe('2');
    await insmod();
    expect(await atInit()).toEqual(newOf('upper'));
  });

  it('leaves an update of it alone as if it had never been applied', async () => {
    await awaitTarget('only');
    for (let i = 0; i < 3; i++) {
      expect(await guest.run(`insmod ${base.target} fail=1`, PATIENT)).toMatchObject({ status: 1 });
    }
    expect(await guest.ok('find /sys/kernel/ksplice -mindepth 1 -type d')).toBe('');
    await insmod();
    expect(await answers()).toEqual(newOf('only'));
  });
});

describe('a module that cannot be patched', () => {
  it('is not loaded, and says why', async () => {
    guest.expectLog(/ksplice: core_target is not loaded: an update awaits it/);
    await applyPart('both');
    await awaitTarget('wrong');
    expect(await guest.run(`insmod ${base.target}`, PATIENT)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('resource busy'),
    });
    // Nor stays what was done for the other update.
    expect(await scene.state('both')).toMatchObject({ stage: 'applied' });
    expect(await guest.ok('grep -c ^ksplice_ /proc/modules')).toBe('1');
    await guest.ok('echo -wrong core_target >/sys/kernel/ksplice/awaited');
    await insmod();
    expect(await answers()).toEqual(newOf('both'));
  });

  it.each([
    ['hangs', async () => guest.writeFile('/run/test/before', 'sleep 600')],
    ['is killed', async () => guest.writeFile('/run/test/before', 'kill -9 $$')],
    ['does nothing', async () => guest.writeFile('/run/test/instead', 'exit')],
    ['is not there', async () => guest.ok(`mv ${HELPER} ${HELPER}.not`)],
  ])('because the helper %s is not loaded', async (_how, spoil) => {
    guest.expectLog(/core_target: the helper \S+ cannot be started: -2/);
    await awaitTarget('only');
    await guest.ok('echo 3 >/sys/module/ksplice/parameters/helper_seconds');
    await spoil();
    expect(await guest.run(`insmod ${base.target}`, PATIENT)).toMatchObject({ status: 1 });
    await guest.run(`rm -f /run/test/before /run/test/instead; mv ${HELPER}.not ${HELPER}`);
    await guest.ok('echo 100 >/sys/module/ksplice/parameters/helper_seconds');
    await insmod();
    expect(await atInit()).toEqual(newOf('only'));
  });

  it('lets its loader be killed', async () => {
    await awaitTarget('only');
    await guest.writeFile('/run/test/before', 'echo waiting >/run/test/here; sleep 600');
    const loader = guest.spawn(`exec insmod ${base.target}`);
    await guest.ok('until [ -e /run/test/here ]; do sleep 0.1; done; pkill -9 -x insmod', PATIENT);
    expect(await loader.finished(60_000)).toMatchObject({ signal: 'SIGKILL' });
    expect(await guest.run('grep core_target /proc/modules')).toMatchObject({ status: 1 });
    await guest.ok('rm /run/test/before');
    await insmod();
    expect(await answers()).toEqual(newOf('only'));
  });
});

const canFreeze = await hasOption(await testKernel(), 'PM_SLEEP_DEBUG');

where(canFreeze, 'it does not sleep').describe('a loader that waits for the helper', () => {
  it('does not keep the machine from sleeping', async () => {
    await awaitTarget('only');
    await guest.writeFile('/run/test/before', 'touch /run/test/here; sleep 20');
    const loader = guest.spawn(`exec insmod ${base.target}`);
    await guest.ok('until [ -e /run/test/here ]; do sleep 0.1; done', PATIENT);
    // All tasks are frozen, and thawed after five seconds.
    await guest.ok('echo freezer >/sys/power/pm_test');
    expect(await guest.run('echo freeze >/sys/power/state', PATIENT)).toMatchObject({
      status: 0,
      stderr: '',
    });
    await guest.ok('echo none >/sys/power/pm_test; rm /run/test/before');
    expect(await loader.finished(120_000)).toMatchObject({ status: 0 });
    expect(await answers()).toEqual(newOf('only'));
  });
});

describe('the list of what is awaited', () => {
  it('has no module that is loaded, and keeps the core', async () => {
    const refused = async (line: string, why: RegExp) =>
      expect(await guest.run(`echo '${line}' >/sys/kernel/ksplice/awaited`)).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(why),
      });
    await insmod();
    await refused('+only core_target', /busy/);
    await guest.ok('rmmod core_target');
    await awaitTarget('only');
    await awaitTarget('only');
    expect(await guest.ok('cat /sys/kernel/ksplice/awaited')).toBe('only core_target');
    expect(await guest.run('rmmod ksplice')).toMatchObject({ status: 1 });
    await guest.ok('echo -only core_target >/sys/kernel/ksplice/awaited');
    await refused('-only core_target', /No such file/);
    await refused('+only', /Invalid/);
    await refused('+only core_target x', /Invalid/);
    await refused('+averylongidforanupdate core_target', /Invalid/);
    await refused('+../x core_target', /Invalid/);
    await refused('+only vmlinux', /Invalid/);
    await insmod();
    expect(await answers()).toEqual(OLD_ANSWERS);
  });
});

describe('new code that outlives its module', () => {
  it('stays, since the kernel would look for what it refers to', async () => {
    await withGuest({ name: 'core-late-left', kernel: base.kernel }, async (other) => {
      await begin(other);
      await awaitTarget('only');
      await guest.writeFile('/run/test/instead', '[[ $2 == coming ]] || exit');
      guest.expectLog(/ksplice_only_core_target_new outlives core_target/);
      const fails = await guest.run(`insmod ${base.target} fail=1`, PATIENT);
      expect(fails).toMatchObject({ status: 1 });
      expect(await guest.run('rmmod ksplice_only_core_target_new')).toMatchObject({ status: 1 });
      // It is of no use for the module when that is loaded again.
      guest.expectLog(/core_target is not loaded/);
      expect(await guest.run(`insmod ${base.target}`, PATIENT)).toMatchObject({ status: 1 });
    });
  });
});
