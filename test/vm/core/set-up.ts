// What the tests of the core have in common: a guest with the core and its target module loaded,
// and updates at hand.

import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { testKernel } from '../../kernels/kernel.js';
import { bootGuest, type Guest } from '../harness/index.js';
import { type Base, buildBase, buildUpdates, type Update } from './kbuild.js';
import { Scene } from './scene.js';

export interface SetUp {
  readonly base: Base;
  readonly guest: Guest;
  readonly scene: Scene;
}

/**
 * Boots a guest for the tests of a file, and ends it after them.
 * @param use gets what there is, before the first test
 * @param parallel false for tests that are not about two processors at the same moment
 */
export function bootScene(
  name: string,
  updates: readonly Update[],
  use: (setUp: SetUp) => void,
  { parallel = true } = {},
): void {
  let base: Base;
  let guest: Guest;
  beforeAll(async () => {
    const kernel = await testKernel();
    base = await buildBase(kernel);
    const built = await buildUpdates(base, updates);
    guest = await bootGuest({ name, kernel, parallel, timeoutMs: 1_800_000 });
    const scene = new Scene(guest, base, built);
    await scene.start();
    use({ base, guest, scene });
  });
  afterAll(async () => {
    // Judges the kernel log, too.
    await guest?.close();
    if (base) await rm(base.directory, { recursive: true, force: true });
  });
}

/** Takes away what a test leaves, and lets it fail for that: one failure must not become ten. */
export function unloadAfterEach(guest: () => Guest): void {
  afterEach(async () => {
    const left = await guest().ok("sed -n 's/^ksplice_\\([^ ]*\\).*/\\1/p' /proc/modules");
    for (const id of new Set(left.split('\n').map((name) => name.split('_')[0]!))) {
      if (id === '') continue;
      await guest().run(`echo reversed >/sys/kernel/ksplice/${id}/stage`);
      await guest().run(`rmmod $(sed -n 's/^\\(ksplice_${id}_[^ ]*\\).*/\\1/p' /proc/modules)`);
    }
    expect(left, 'a test has left modules').toBe('');
  });
}
