// Hooks of a patch: when each is called, and what becomes of an update that one refuses.

import { describe, expect, it } from 'vitest';
import { HOOK_KINDS } from '../../../src/diff/hooks.js';
import { hasOption, testKernel } from '../../kernels/kernel.js';
import { where } from '../../support/where.js';
import type { Guest } from '../harness/index.js';
import type { Base } from './kbuild.js';
import type { Scene } from './scene.js';
import { bootScene, type SetUp } from './set-up.js';

const hooks = HOOK_KINDS.map((kind) => ({ kind, symbol: `hook_${kind}` }));
const updates = [
  {
    id: 'hooked',
    changes: [{ target: 'core_target' as const, functions: ['core_plain', 'core_label'], hooks }],
  },
];
const PARAMETERS = '/sys/module/ksplice_hooked_core_target_new/parameters';

const probed = await hasOption(await testKernel(), 'KPROBES');

let base: Base;
let guest: Guest;
let scene: Scene;
const take = (setUp: SetUp) => {
  ({ base, guest, scene } = setUp);
};
bootScene('hooks', updates, take, { parallel: false });

/** The hooks that were called since it was asked before, in order. */
async function called(): Promise<string> {
  return (await guest.ok(`cat ${PARAMETERS}/called; echo >${PARAMETERS}/called`)).trim();
}

/** A hook of that kind, or none. */
const refuse = (kind: string) => guest.ok(`printf '%s' '${kind || 'none'}' >${PARAMETERS}/refuse`);

describe('hooks', () => {
  it('are called in their order', async () => {
    await scene.load('hooked');
    expect(await scene.stage('hooked', 'try')).toBe('');
    expect(await called()).toBe('pre_apply check_apply fail_apply');
    await scene.apply('hooked');
    expect(await called()).toBe('pre_apply check_apply apply post_apply');
    expect(await scene.stage('hooked', 'reversed')).toBe('');
    expect(await called()).toBe('pre_reverse check_reverse reverse post_reverse');
    await scene.unload('hooked');
  });

  it('can refuse, and then nothing has changed', async () => {
    guest.expectLog(/hook_\w+ refused: -1/);
    await scene.load('hooked');
    for (const [kind, all] of [
      ['pre_apply', 'pre_apply fail_apply'],
      ['check_apply', 'pre_apply check_apply fail_apply'],
    ] as const) {
      await refuse(kind);
      await scene.refused('hooked', 'applied', 'call_failed');
      expect(await called()).toBe(all);
      expect(await scene.call('plain')).toBe('old plain');
      expect(await scene.call('label')).toBe('old label off');
    }
    await refuse('');
    await scene.apply('hooked');
    await called();
    for (const [kind, all] of [
      ['pre_reverse', 'pre_reverse fail_reverse'],
      ['check_reverse', 'pre_reverse check_reverse fail_reverse'],
    ] as const) {
      await refuse(kind);
      await scene.refused('hooked', 'reversed', 'call_failed');
      expect(await called()).toBe(all);
      expect(await scene.call('plain')).toBe('new core_plain');
      expect(await scene.call('label')).toBe('new core_label');
    }
    await refuse('');
    await scene.remove('hooked');
  });
});

where(probed, 'it has no kprobes').describe('a CPU that is slow', () => {
  it('has arrived, and is in no code of the kernel, before anything is done', async () => {
    await scene.load('hooked');
    await guest.ok(`echo 1 >${PARAMETERS}/slow`);
    for (let round = 0; round < 3; round++) {
      expect(await scene.stage('hooked', 'try')).toBe('');
      expect(await called()).toBe('pre_apply check_apply fail_apply');
    }
    await guest.ok(`echo 0 >${PARAMETERS}/slow`);
    await scene.unload('hooked');
  });
});

describe("the core's shadow variables", () => {
  it("are what the kernel's are", async () => {
    guest.expectLog(/constructor returned -22/);
    await guest.ok(`insmod ${base.shadow}`);
    await guest.ok('rmmod core_shadow');
  });
});
