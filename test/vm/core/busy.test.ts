// Code that tasks are in when it is to be replaced: how they are named, what may be
// replaced nevertheless, and what undo waits for.

import { describe, expect, it } from 'vitest';
import type { Guest } from '../harness/index.js';
import type { Update } from './kbuild.js';
import type { Scene, Sleeper } from './scene.js';
import { bootScene, type SetUp } from './set-up.js';

const update = (id: string, ...functions: string[]): Update => ({
  id,
  changes: [{ target: 'core_target', functions }],
});
const updates = [
  update('sleeper', 'core_sleeper'),
  update('tight', 'core_tight'),
  update('both', 'core_sleeper', 'core_plain'),
];

let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  guest = setUp.guest;
  scene = setUp.scene;
};
bootScene('busy', updates, take, { parallel: false });

/** What the reader printed after its process id. */
async function answer({ end }: Sleeper): Promise<string> {
  const { stdout } = await end.finished();
  return stdout.replace(/^\d+\n/, '').trimEnd();
}

const allow = (id: string, names: string) =>
  guest.ok(`echo '${names}' >/sys/kernel/ksplice/${id}/allow_busy`);

describe('code that is in use', () => {
  it('names task and place, and tells of each attempt', async () => {
    const reader = await scene.asleep('core_sleeper', 'core_sleeper');
    await scene.load('sleeper');
    for (let round = 0; round < 2; round++) {
      const { conflicts } = await scene.refused('sleeper', 'applied', 'code_busy');
      expect(conflicts).toMatch(
        new RegExp(`^${reader.pid} cat core_sleeper\\+0x\\w+/0x\\w+ \\[core_target\\]$`),
      );
    }
    await scene.set('wake', '1');
    expect(await answer(reader)).toBe('old sleeper');
    const { timing } = await scene.apply('sleeper');
    const attempt = (n: number, window: string) =>
      `window_ns=${window} prescan_ns=[1-9]\\d* attempts=${n} tasks=\\d+ walked=\\d+`;
    const lines = [attempt(3, '[1-9]\\d*'), attempt(2, '0'), attempt(1, '0')];
    expect(timing).toMatch(new RegExp(`^${lines.join('\\n')}$`));
    await scene.remove('sleeper');
  });
});

describe('a function that may be busy', () => {
  it('is replaced while a task sleeps in it, which finishes the old code', async () => {
    const reader = await scene.asleep('core_sleeper', 'core_sleeper');
    await scene.load('sleeper');
    await scene.refused('sleeper', 'applied', 'code_busy');
    await allow('sleeper', 'core_sleeper');
    await scene.apply('sleeper');
    const later = await scene.asleep('core_sleeper', 'new_core_sleeper');
    await scene.set('wake', '1');
    expect(await answer(reader)).toBe('old sleeper');
    await guest.ok(`kill ${later.pid}`);
    await later.end.finished();
    await scene.remove('sleeper');
  });

  it('is put back while a task sleeps in the new code, which stays for it', async () => {
    await scene.load('sleeper');
    await allow('sleeper', 'core_sleeper');
    await scene.apply('sleeper');
    const reader = await scene.asleep('core_sleeper', 'new_core_sleeper');
    expect(await scene.stage('sleeper', 'reversed')).toBe('Device or resource busy');
    for (let round = 0; round < 2; round++) {
      const state = await scene.state('sleeper');
      expect(state).toMatchObject({ stage: 'leaving', abort_cause: 'code_busy' });
      expect(state.conflicts).toMatch(new RegExp(`^${reader.pid} cat new_core_sleeper\\+0x`));
      const { status, stderr } = await guest.run('rmmod ksplice_sleeper_core_target_new');
      expect({ status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/in use/),
      });
      await scene.refused('sleeper', 'reversed', 'code_busy');
    }
    // Who comes now gets the old code again.
    const later = await scene.asleep('core_sleeper', '\\bcore_sleeper');
    await scene.set('wake', '1');
    expect(await answer(later)).toBe('old sleeper');
    await scene.refused('sleeper', 'applied', 'already_reversed');
    await guest.ok(`kill ${reader.pid}`);
    await reader.end.finished();
    await scene.remove('sleeper');
  });

  it('is put back while a task still sleeps in the old code', async () => {
    const reader = await scene.asleep('core_sleeper', 'core_sleeper');
    await scene.load('sleeper');
    await allow('sleeper', 'core_sleeper');
    await scene.apply('sleeper');
    await scene.remove('sleeper');
    await scene.set('wake', '1');
    expect(await answer(reader)).toBe('old sleeper');
  });

  it('is not replaced while a task returns to the bytes that are written', async () => {
    const reader = await scene.asleep('core_tight', 'core_tight');
    await scene.load('tight');
    await allow('tight', 'core_tight');
    const { conflicts } = await scene.refused('tight', 'applied', 'code_busy');
    expect(conflicts).toMatch(new RegExp(`^${reader.pid} cat core_tight\\+0x3/0x`));
    await scene.set('wake', '1');
    expect(await answer(reader)).toBe('7');
    await scene.apply('tight');
    expect(await guest.ok('cat /proc/core_tight')).toBe('8');
    await scene.remove('tight');
  });

  it('is only the one that is named', async () => {
    const reader = await scene.asleep('core_sleeper', 'core_sleeper');
    await scene.load('both');
    await allow('both', 'core_plain');
    await scene.refused('both', 'applied', 'code_busy');
    guest.expectLog(/core_slee is no function that it replaces/);
    await allow('both', 'core_plain core_slee');
    await scene.refused('both', 'applied', 'unexpected');
    await allow('both', 'core_plain core_sleeper');
    await scene.apply('both');
    const refusal = await guest.run('echo core_plain >/sys/kernel/ksplice/both/allow_busy');
    expect(refusal.status).toBe(1);
    await scene.set('wake', '1');
    expect(await answer(reader)).toBe('old sleeper');
    await scene.remove('both');
  });

  it('does not let a task stay in another one of the update', async () => {
    await scene.load('both');
    await allow('both', 'core_plain');
    await scene.apply('both');
    const reader = await scene.asleep('core_sleeper', 'new_core_sleeper');
    const state = await scene.refused('both', 'reversed', 'code_busy');
    expect(state.stage).toBe('applied');
    await guest.ok(`kill ${reader.pid}`);
    await reader.end.finished();
    await scene.remove('both');
  });
});
