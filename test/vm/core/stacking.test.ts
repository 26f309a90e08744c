// Updates on updates, on the stock kernel: what one has replaced, another that was
// made on top of it replaces again, and each order that is not safe is refused.

import { describe, expect, it } from 'vitest';
import type { Guest } from '../harness/index.js';
import type { Update } from './kbuild.js';
import { OLD_ANSWERS, type Scene } from './scene.js';
import { bootScene, type SetUp } from './set-up.js';

const update = (id: string, on: string[], functions: string[], data: string[] = []): Update => ({
  id,
  on,
  suffix: ` of ${id}`,
  changes: [{ target: 'core_target', functions, data }],
});

const all = ['core_plain', 'core_label'];
const updates: readonly Update[] = [
  update('lower', [], all, ['core_table']),
  update('upper', ['lower'], all, ['core_table']),
  update('top', ['lower', 'upper'], all),
  update('beside', ['lower'], ['core_bare']),
  update('stranger', [], ['core_plain']),
  // Has the cookie of another.
  update('confused', ['stranger'], ['core_plain']),
  update('lowsleep', [], ['core_sleeper']),
  update('upsleep', ['lowsleep'], ['core_sleeper']),
];

let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  guest = setUp.guest;
  scene = setUp.scene;
};
bootScene('core-stacking', updates, take, { parallel: false });

const answers = async () =>
  (await scene.answers()).map((answer) => answer.replace(/^new core_/, ''));
const LOWER = ['plain of lower', 'label of lower', 'new op of lower'];
const UPPER = ['plain of upper', 'label of upper', 'new op of upper'];
const TOP = ['plain of top', 'label of top', 'new op of upper'];

async function add(id: string): Promise<void> {
  await scene.load(id);
  expect(await scene.state(id)).toMatchObject({ abort_cause: 'ok', match: '' });
  await scene.apply(id);
  await scene.unloadOld(id);
}

async function remove(id: string): Promise<void> {
  expect(await scene.stage(id, 'reversed'), (await scene.state(id)).match).toBe('');
  await guest.ok(`rmmod ksplice_${id}_core_target_new`);
}

describe('an update on others', () => {
  it('replaces what they replaced, by a jump, by ftrace and in place', async () => {
    expect(await answers()).toEqual(OLD_ANSWERS);
    await add('lower');
    expect(await answers()).toEqual(LOWER);
    await add('upper');
    expect(await answers()).toEqual(UPPER);
    await add('top');
    expect(await answers()).toEqual(TOP);
    expect(await scene.state('top')).toMatchObject({ order: '3', on: 'lower\nupper' });
    expect(await scene.state('lower')).toMatchObject({ order: '1', on: '' });
    await remove('top');
    expect(await answers()).toEqual(UPPER);
    await remove('upper');
    expect(await answers()).toEqual(LOWER);
    await remove('lower');
    expect(await answers()).toEqual(OLD_ANSWERS);
  });

  it('keeps them from being reversed, until it is gone', async () => {
    await add('lower');
    await add('beside');
    expect(await scene.call('bare')).toBe('new core_bare of beside');
    const state = await scene.refused('lower', 'reversed', 'stacked');
    expect(state.match).toBe('core_target update beside+0x0 expected reversed found on-top');
    expect(await answers()).toEqual(LOWER);
    // What is loaded, and may be applied the next moment, counts as well.
    await remove('beside');
    await scene.load('beside');
    await scene.refused('lower', 'reversed', 'stacked');
    await scene.unload('beside');
    await remove('lower');
    expect(await answers()).toEqual(OLD_ANSWERS);
  });

  it('is refused while one of them is not applied', async () => {
    await scene.load('upper');
    const state = await scene.refused('upper', 'applied', 'base_missing');
    expect(state.match).toBe('core_target update lower+0x0 expected applied found missing');
    // Bound before that was there: it has to be loaded again.
    await add('lower');
    await scene.refused('upper', 'applied', 'base_missing');
    await scene.unload('upper');
    await add('upper');
    expect(await answers()).toEqual(UPPER);
    await remove('upper');
    await remove('lower');
  });

  it('holds their new code even when it was reversed', async () => {
    await add('lower');
    await add('upper');
    expect(await scene.stage('upper', 'reversed')).toBe('');
    expect(await scene.stage('lower', 'reversed')).toBe('');
    const { status, stderr } = await guest.run('rmmod ksplice_lower_core_target_new');
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/in use/),
    });
    await guest.ok('rmmod ksplice_upper_core_target_new ksplice_lower_core_target_new');
    expect(await answers()).toEqual(OLD_ANSWERS);
  });
});

describe('an update that knows nothing of another', () => {
  it.each(['stranger', 'confused'])('is refused the same function: %s', async (id) => {
    await add('lower');
    await scene.load(id);
    const state = await scene.refused(
      id,
      'applied',
      id === 'stranger' ? 'no_match' : 'base_missing',
    );
    if (id === 'stranger') {
      expect(state.match).toMatch(/core_plain\+0x0 expected unchanged found replaced-by-lower$/);
    }
    expect(await answers()).toEqual(LOWER);
    await scene.unload(id);
    await remove('lower');
  });

  it('and comes in between is refused as well', async () => {
    await scene.load('stranger');
    await add('lower');
    await scene.refused('stranger', 'applied', 'no_match');
    await scene.unload('stranger');
    await add('upper');
    await scene.load('stranger');
    const state = await scene.refused('stranger', 'try', 'no_match');
    expect(state.match).toMatch(/replaced-by-upper$/);
    await scene.unload('stranger');
    await remove('upper');
    await remove('lower');
  });
});

describe('code below that is in use', () => {
  it('is not replaced before the task has left it', async () => {
    await add('lowsleep');
    const { pid, end: sleeper } = await scene.asleep('core_sleeper', 'new_core_sleeper');
    await scene.load('upsleep');
    const state = await scene.refused('upsleep', 'applied', 'code_busy');
    expect(state.conflicts).toMatch(new RegExp(`^${pid} cat new_core_sleeper`, 'm'));
    await guest.ok(`kill ${pid}`);
    await sleeper.finished();
    await scene.apply('upsleep');
    await scene.unloadOld('upsleep');
    await remove('upsleep');
    await remove('lowsleep');
  });
});
