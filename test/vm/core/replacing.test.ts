// An update that takes the place of others, on the stock kernel: all of it in one stop, or
// nothing of it.

import { describe, expect, it } from 'vitest';
import { HOOK_KINDS } from '../../../src/diff/hooks.js';
import type { Guest } from '../harness/index.js';
import type { Change, Update } from './kbuild.js';
import { OLD_ANSWERS, type Scene } from './scene.js';
import { bootScene, type SetUp, unloadAfterEach } from './set-up.js';

const update = (id: string, on: string[], change: Omit<Change, 'target'>): Update => ({
  id,
  on,
  suffix: ` of ${id}`,
  changes: [{ target: 'core_target', ...change }],
});

const hooks = HOOK_KINDS.map((kind) => ({ kind, symbol: `hook_${kind}` }));
const all = { functions: ['core_plain', 'core_label'], data: ['core_table'] };
const updates: readonly Update[] = [
  update('lower', [], all),
  update('upper', ['lower'], all),
  // Both know nothing of the others.
  update('next', [], { ...all, hooks }),
  update('small', [], { functions: ['core_bare'] }),
  // In the place of "upper".
  update('instead', ['lower'], all),
  update('lowsleep', [], { functions: ['core_sleeper'], hooks }),
  update('newsleep', [], { functions: ['core_sleeper'] }),
];

let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  guest = setUp.guest;
  scene = setUp.scene;
};
bootScene('core-replacing', updates, take, { parallel: false });
unloadAfterEach(() => guest);

const answers = async () =>
  (await scene.answers()).map((answer) => answer.replace(/^new core_/, ''));
const of = (id: string) => [`plain of ${id}`, `label of ${id}`, `new op of ${id}`];

async function add(id: string): Promise<void> {
  await scene.load(id);
  await scene.apply(id);
  await scene.unloadOld(id);
}

/** Loads an update that is to take the place of others. */
async function load(id: string, replaces: string): Promise<void> {
  await scene.load(id);
  await guest.ok(`echo '${replaces}' >/sys/kernel/ksplice/${id}/replaces`);
}

/** The last steps of an update that had to give way. */
async function finish(id: string): Promise<void> {
  expect(await scene.state(id)).toMatchObject({ stage: 'leaving', order: '0' });
  expect(await scene.stage(id, 'reversed')).toBe('');
  expect(await scene.state(id)).toMatchObject({ stage: 'reversed', abort_cause: 'ok' });
  await guest.ok(`rmmod ksplice_${id}_core_target_new`);
}

async function remove(id: string): Promise<void> {
  expect(await scene.stage(id, 'reversed'), (await scene.state(id)).match).toBe('');
  await guest.ok(`rmmod ksplice_${id}_core_target_new`);
}

const parameters = (id: string) => `/sys/module/ksplice_${id}_core_target_new/parameters`;
/** The hooks of an update that were called since it was asked before, in order. */
const called = async (id: string) =>
  (await guest.ok(`cat ${parameters(id)}/called; echo >${parameters(id)}/called`)).trim();

describe('an update in the place of others', () => {
  it('is refused the same functions if it does not say so', async () => {
    await add('lower');
    await scene.load('next');
    await scene.refused('next', 'applied', 'no_match');
    await scene.unload('next');
    await remove('lower');
  });

  it('has them gone in the moment in which it comes', async () => {
    await add('lower');
    await add('small');
    const calls = 'cat plain label op 2>/dev/null | sort -u >>/run/test/seen';
    const caller = guest.spawn(
      `cd /sys/module/core_target/parameters; while [ ! -e /run/test/stop ]; do ${calls}; done`,
    );
    await load('next', ' lower\tsmall');
    expect(await scene.stage('next', 'try')).toBe('');
    expect(await answers()).toEqual(of('lower'));
    expect(await scene.state('lower')).toMatchObject({ stage: 'applied', conflicts: '' });
    await called('next');
    await scene.apply('next');
    expect(await called('next')).toBe('pre_apply check_apply apply post_apply');
    expect(await answers()).toEqual(of('next'));
    expect(await scene.call('bare')).toBe('old bare');
    await guest.ok('touch /run/test/stop');
    await caller.finished(300_000);
    const seen = (await guest.ok('sort -u /run/test/seen; rm /run/test/*')).split('\n');
    expect(
      seen.filter((line) => !line.includes(' of lower') && !line.includes(' of next')),
    ).toEqual([]);
    expect(seen.length).toBeGreaterThan(3);
    await scene.unloadOld('next');
    await finish('lower');
    await finish('small');
    await remove('next');
    expect(await answers()).toEqual(OLD_ANSWERS);
  });

  it('may be undone before they have come to their end', async () => {
    await add('lower');
    await load('next', 'lower');
    await scene.apply('next');
    await scene.unloadOld('next');
    await remove('next');
    expect(await answers()).toEqual(OLD_ANSWERS);
    await finish('lower');
    expect(await answers()).toEqual(OLD_ANSWERS);
  });

  it('takes out updates that are on one another, and what it took out can come back', async () => {
    await add('lower');
    await add('upper');
    await load('next', 'lower upper');
    await scene.apply('next');
    await scene.unloadOld('next');
    expect(await answers()).toEqual(of('next'));
    await finish('upper');
    await finish('lower');
    await load('lower', 'next');
    await scene.apply('lower');
    await scene.unloadOld('lower');
    expect(await answers()).toEqual(of('lower'));
    await finish('next');
    await remove('lower');
    expect(await answers()).toEqual(OLD_ANSWERS);
  });

  it('takes the place between others', async () => {
    await add('lower');
    await add('upper');
    await load('instead', 'upper');
    await scene.apply('instead');
    await scene.unloadOld('instead');
    expect(await answers()).toEqual(of('instead'));
    await finish('upper');
    await remove('instead');
    expect(await answers()).toEqual(of('lower'));
    await remove('lower');
    expect(await answers()).toEqual(OLD_ANSWERS);
  });
});

describe('nothing has happened', () => {
  it('if one of them is not applied', async () => {
    await add('lower');
    await load('next', 'lower other');
    await scene.refused('next', 'applied', 'base_missing');
    expect(await answers()).toEqual(of('lower'));
    expect(await scene.state('lower')).toMatchObject({
      stage: 'applied',
      order: expect.not.stringMatching(/^0$/),
    });
    await scene.unload('next');
    await remove('lower');
  });

  it('if another is on one of them, or the update itself is', async () => {
    await add('lower');
    await add('upper');
    await load('next', 'lower');
    const state = await scene.refused('next', 'applied', 'stacked');
    expect(state.match).toBe('core_target update upper+0x0 expected reversed found on-top');
    await scene.unload('next');
    await load('instead', 'upper lower');
    await scene.refused('instead', 'applied', 'stacked');
    expect(await answers()).toEqual(of('upper'));
    await scene.unload('instead');
    await remove('upper');
    await remove('lower');
  });

  it('if a hook refuses', async () => {
    guest.expectLog(/hook_\w+ refused: -1/);
    await add('lowsleep');
    await load('next', 'lowsleep');
    for (const [id, kind, gone, come] of [
      ['lowsleep', 'pre_reverse', 'pre_reverse fail_reverse', 'fail_apply'],
      [
        'lowsleep',
        'check_reverse',
        'pre_reverse check_reverse fail_reverse',
        'pre_apply fail_apply',
      ],
      ['next', 'pre_apply', 'pre_reverse fail_reverse', 'pre_apply fail_apply'],
      [
        'next',
        'check_apply',
        'pre_reverse check_reverse fail_reverse',
        'pre_apply check_apply fail_apply',
      ],
    ] as const) {
      await called('lowsleep');
      await called('next');
      await guest.ok(`printf ${kind} >${parameters(id)}/refuse`);
      await scene.refused('next', 'applied', 'call_failed');
      expect([await called('lowsleep'), await called('next')]).toEqual([gone, come]);
      await guest.ok(`printf none >${parameters(id)}/refuse`);
      expect(await scene.state('lowsleep')).toMatchObject({ stage: 'applied' });
      expect(await answers()).toEqual(OLD_ANSWERS);
    }
    await scene.apply('next');
    expect(await called('lowsleep')).toBe('pre_reverse check_reverse reverse');
    await scene.unloadOld('next');
    await finish('lowsleep');
    await remove('next');
  });

  it('if a task is in the new code of one of them', async () => {
    await add('lowsleep');
    const { pid, end: sleeper } = await scene.asleep('core_sleeper', 'new_core_sleeper');
    await load('newsleep', 'lowsleep');
    const state = await scene.refused('newsleep', 'applied', 'code_busy');
    expect(state.conflicts).toMatch(new RegExp(`^${pid} cat new_core_sleeper`, 'm'));
    expect(await scene.state('lowsleep')).toMatchObject({ stage: 'applied', conflicts: '' });
    await guest.ok(`kill ${pid}`);
    await sleeper.finished();
    await scene.apply('newsleep');
    await scene.unloadOld('newsleep');
    await finish('lowsleep');
    await remove('newsleep');
  });
});
