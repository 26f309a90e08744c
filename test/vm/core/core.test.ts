// The kernel core on the stock kernel. What design.md calls "what panicked when
// it was left out" has a test each; the guest's kernel log must be clean at the end.
// What else writes to the kernel's text is in others-write.test.ts.

import { describe, expect, it } from 'vitest';
import type { Guest } from '../harness/index.js';
import type { Base } from './kbuild.js';
import type { Scene } from './scene.js';
import { bootScene, type SetUp, unloadAfterEach } from './set-up.js';
import { updates } from './updates.js';

let base: Base;
let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  ({ base, guest, scene } = setUp);
};
bootScene('core', updates, take, { parallel: false });
unloadAfterEach(() => guest);

describe('a switch', () => {
  it('replaces a function of a module and puts it back', async () => {
    await scene.load('plain');
    expect(await scene.state('plain')).toMatchObject({
      stage: 'preparing',
      abort_cause: 'ok',
      match: '',
      functions: '',
      saved: '',
    });
    expect(await scene.call('plain')).toBe('old plain');
    const state = await scene.apply('plain');
    expect(state.functions).toMatch(/^core_target core_plain 0x[0-9a-f]{16} \d+ 0x[0-9a-f]{16}$/);
    expect(state.saved).toMatch(/^0x[0-9a-f]{16} [0-9a-f]{10}$/);
    expect(state.timing).toMatch(
      /^window_ns=[1-9]\d* prescan_ns=[1-9]\d* attempts=1 tasks=[1-9]\d* walked=[1-9]\d*$/,
    );
    // Most tasks slept since the first look, and need no second one.
    const [, tasks, walked] = / tasks=(\d+) walked=(\d+)$/.exec(state.timing)!.map(Number);
    expect(walked!).toBeLessThan(tasks! / 2);
    expect(await scene.call('plain')).toBe('new core_plain');
    await scene.unloadOld('plain');
    expect(await scene.call('plain')).toBe('new core_plain');
    expect(await scene.stage('plain', 'reversed')).toBe('');
    expect(await scene.call('plain')).toBe('old plain');
    await guest.ok('rmmod ksplice_plain_core_target_new');
    expect(await guest.ok('ls -d /sys/kernel/ksplice/*/ | wc -l')).toBe('0');
  });

  it('replaces a function of the kernel proper', async () => {
    const before = await guest.ok('cat /proc/cmdline');
    await scene.load('builtin');
    await scene.apply('builtin');
    expect(await guest.ok('cat /proc/cmdline')).toBe('new cmdline');
    await scene.remove('builtin');
    expect(await guest.ok('cat /proc/cmdline')).toBe(before);
  });

  it('leaves a function without a call to ftrace at its entry', async () => {
    await scene.load('bare');
    await scene.apply('bare');
    expect(await scene.call('bare')).toBe('new core_bare');
    await scene.remove('bare');
    expect(await scene.call('bare')).toBe('old bare');
  });

  it('tells apart two functions of one name and the same bytes', async () => {
    await scene.load('twin');
    await scene.apply('twin');
    expect(await scene.call('twin')).toBe('new core_twin');
    expect(await scene.call('other_twin')).toBe('old twin');
    await scene.remove('twin');
    expect(await scene.call('twin')).toBe('old twin');
  });

  it('writes read-only data, and puts it back', async () => {
    const data = async () => [await scene.call('op'), await scene.call('last')];
    await scene.load('table');
    expect(await data()).toEqual(['old op', '1']);
    const state = await scene.apply('table');
    const [, place, size] = /^core_target core_table (0x\w{16}) (90\d\d) 0x0$/m.exec(
      state.functions,
    )!;
    const [, saved] = new RegExp(`^${place} ([0-9a-f]+)$`, 'm').exec(state.saved)!;
    expect(saved).toHaveLength(2 * Number(size));
    expect(await data()).toEqual(['new op', '2']);
    // Others see the object as it was, but cannot have the same data.
    await scene.load('bare');
    await scene.apply('bare');
    await scene.load('table2');
    const other = await scene.refused('table2', 'applied', 'no_match');
    expect(other.match).toMatch(/ core_table\+0x0 expected unchanged found replaced-by-table$/);
    await scene.unload('table2');
    expect(await data()).toEqual(['new op', '2']);
    await scene.remove('table');
    expect(await data()).toEqual(['old op', '1']);
    await scene.remove('bare');
    await scene.load('table2');
    await scene.apply('table2');
    expect(await data()).toEqual(['new op', '2']);
    expect(await scene.call('plain')).toBe('old plain');
    await scene.remove('table2');
    expect(await data()).toEqual(['old op', '1']);
  });

  it('switches several targets together, and only when all are there', async () => {
    const [first, second] = scene.built('pair').modules;
    await guest.ok(`insmod ${first!.old} && insmod ${first!.new}`);
    await scene.refused('pair', 'applied', 'incomplete');
    await guest.ok(`insmod ${second!.new}`);
    await scene.refused('pair', 'applied', 'incomplete');
    await guest.ok(`insmod ${second!.old}`);
    const state = await scene.apply('pair');
    expect(state.functions.split('\n')).toHaveLength(4);
    // What was loaded first may be used by the others.
    const held = await guest.ok('cat /sys/module/ksplice_pair_*_new/refcnt');
    expect(held.split('\n').sort()).toEqual(['1', '2']);
    expect(await guest.ok('cat /proc/cmdline')).toBe('new cmdline');
    expect(await scene.call('plain')).toBe('new core_plain');
    expect(await scene.call('bare')).toBe('new core_bare');
    expect(await scene.call('label')).toBe('new core_label');
    await scene.remove('pair');
    expect(await guest.ok('cat /proc/cmdline')).not.toBe('new cmdline');
    expect(await scene.call('plain')).toBe('old plain');
    expect(await scene.call('label')).toBe('old label off');
  });

  it('can be tried, which changes nothing', async () => {
    await scene.load('pair');
    expect(await scene.stage('pair', 'try')).toBe('');
    const state = await scene.state('pair');
    expect(state).toMatchObject({ stage: 'preparing', abort_cause: 'ok', functions: '' });
    // The stacks were looked at with the machine stopped.
    expect(state.timing).toMatch(/^window_ns=[1-9]\d* .* attempts=1 tasks=[1-9]\d* /);
    expect(await scene.call('plain')).toBe('old plain');
    expect(await scene.call('label')).toBe('old label off');
    expect(await guest.ok('cat /proc/cmdline')).not.toBe('new cmdline');
    const tracers = await guest.ok(
      `grep -w core_label ${scene.trace('enabled_functions')} || true`,
    );
    expect(tracers).toBe('');
    await scene.apply('pair');
    expect(await scene.stage('pair', 'try')).toBe('Invalid argument');
    await scene.remove('pair');
    await scene.load('wrong');
    await scene.refused('wrong', 'try', 'no_match');
    await scene.unload('wrong');
  });

  it('is done once each way', async () => {
    await scene.load('plain');
    expect(await scene.stage('plain', 'reversed')).toBe('Invalid argument');
    expect(await scene.stage('plain', 'nonsense')).toBe('Invalid argument');
    await scene.apply('plain');
    expect(await scene.stage('plain', 'applied')).toBe('Operation already in progress');
    expect(await scene.state('plain')).toMatchObject({ stage: 'applied', abort_cause: 'ok' });
    expect(await scene.stage('plain', 'reversed')).toBe('');
    await scene.refused('plain', 'reversed', 'already_reversed');
    await scene.refused('plain', 'applied', 'already_reversed');
    expect(await scene.call('plain')).toBe('old plain');
    await scene.unload('plain');
  });
});

describe('a program that does not match', () => {
  it('is loaded, says where, and is not applied', async () => {
    await scene.load('wrong');
    const state = await scene.refused('wrong', 'applied', 'no_match');
    expect(state.match).toMatch(
      /^core_target test\/object\.o core_bare\+0x[0-9a-f]+ expected [0-9a-f]+ found [0-9a-f]+$/,
    );
    expect(await scene.call('plain')).toBe('old plain');
    await scene.unload('wrong');
  });

  it('is refused at once if it is damaged', async () => {
    const [modules] = scene.built('damaged').modules;
    guest.expectLog(/bad id, target or match program/);
    const { status, stderr } = await guest.run(`insmod ${modules!.old}`);
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/Invalid/),
    });
    expect(await guest.ok('ls -d /sys/kernel/ksplice/*/ | wc -l')).toBe('0');
  });

  it('is refused if the new code was linked to something else', async () => {
    await scene.load('badref');
    expect(await scene.state('badref')).toMatchObject({ abort_cause: 'ok' });
    const state = await scene.refused('badref', 'applied', 'bad_system_map');
    expect(state.match).toMatch(/^core_target \S+ scnprintf\+0x0 expected ffff\w+ found ffff\w+$/);
    await scene.unload('badref');
  });

  it('is refused if old and new code do not belong together', async () => {
    for (const id of ['cookie', 'count']) {
      await scene.load(id);
      await scene.refused(id, 'applied', 'incomplete');
      await scene.unload(id);
    }
  });

  it('is matched again when its target has been loaded', async () => {
    await guest.ok('rmmod core_target');
    await scene.load('plain');
    expect((await scene.state('plain')).abort_cause).toBe('target_not_loaded');
    await scene.refused('plain', 'applied', 'target_not_loaded');
    await guest.ok(`insmod ${base.target}`);
    await scene.apply('plain');
    await scene.remove('plain');
  });
});

describe('while an update is applied', () => {
  it('nothing that it needs can be unloaded', async () => {
    await scene.load('plain');
    await scene.apply('plain');
    await scene.unloadOld('plain');
    for (const name of ['ksplice_plain_core_target_new', 'core_target', 'ksplice']) {
      const { status, stderr } = await guest.run(`rmmod ${name}`);
      expect({ status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/in use/),
      });
    }
    expect(await scene.call('plain')).toBe('new core_plain');
    expect(await scene.stage('plain', 'reversed')).toBe('');
    await guest.ok('rmmod ksplice_plain_core_target_new');
    await guest.ok(`rmmod core_target && rmmod ksplice`);
    await scene.start();
  });

  it('another can be matched, applied and undone in any order', async () => {
    for (const order of [
      ['plain', 'bare'],
      ['bare', 'plain'],
    ]) {
      await scene.load('plain');
      await scene.apply('plain');
      await scene.load('bare');
      expect((await scene.state('bare')).abort_cause).toBe('ok');
      await scene.apply('bare');
      expect(await scene.call('plain')).toBe('new core_plain');
      expect(await scene.call('bare')).toBe('new core_bare');
      for (const id of order) await scene.remove(id);
      expect(await scene.call('plain')).toBe('old plain');
      expect(await scene.call('bare')).toBe('old bare');
    }
  });

  it('another one of the same function is refused', async () => {
    await scene.load('again');
    await scene.load('plain');
    await scene.apply('plain');
    await scene.refused('again', 'applied', 'no_match');
    await scene.unload('again');
    await scene.load('again');
    const state = await scene.refused('again', 'applied', 'no_match');
    expect(state.match).toMatch(/core_plain\+0x0 expected unchanged found replaced-by-plain$/);
    await scene.remove('plain');
    await scene.apply('again');
    await scene.remove('again');
  });
});

describe('code that is in use', () => {
  it('is not replaced before the task has left it', async () => {
    const { pid, end: sleeper } = await scene.asleep('core_sleeper', 'core_sleeper');
    await scene.load('sleeper');
    await scene.refused('sleeper', 'try', 'code_busy');
    const state = await scene.refused('sleeper', 'applied', 'code_busy');
    expect(state.conflicts).toMatch(new RegExp(`^${pid} cat core_sleeper`, 'm'));
    await scene.set('wake', '1');
    expect(await sleeper.finished()).toMatchObject({ status: 0, stdout: `${pid}\nold sleeper\n` });
    expect((await scene.apply('sleeper')).conflicts).toBe('');
    await scene.remove('sleeper');
  });

  it('is not taken away before the task has left it', async () => {
    await scene.load('sleeper');
    await scene.apply('sleeper');
    const { pid, end: sleeper } = await scene.asleep('core_sleeper', 'new_core_sleeper');
    const state = await scene.refused('sleeper', 'reversed', 'code_busy');
    expect(state.conflicts).toMatch(new RegExp(`^${pid} cat new_core_sleeper`, 'm'));
    await guest.ok(`kill ${pid}`);
    await sleeper.finished();
    await scene.remove('sleeper');
  });
});
