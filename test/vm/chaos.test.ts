// The short form of `npm run chaos`, and what it must notice.

import { beforeAll, expect, it } from 'vitest';
import { type TestKernel, testKernel } from '../kernels/kernel.js';
import { chaos } from './chaos/chaos.js';
import { prepare } from './chaos/prepare.js';
import { type ChaosUpdate, UPDATES } from './chaos/updates.js';

const HOUR = 3_600_000;
/** Enough for a start: hot, asleep, and without an entry for ftrace. */
const FEW = UPDATES.filter(({ id }) => ['poll', 'waitbusy', 'iovec'].includes(id));
/** Its new code does what the old one does. */
const DEAF: ChaosUpdate = {
  ...UPDATES.find(({ id }) => id === 'poll')!,
  id: 'deaf',
  edits: [[/^\tWRITE_ONCE\(pipe->poll_usage, true\);\n/m, '$&$&']],
};

let kernel: TestKernel;
beforeAll(async () => {
  kernel = await testKernel();
});

it('finds code and stages in agreement, and nothing left', { timeout: HOUR }, async () => {
  const folder = await prepare(kernel, FEW);
  const result = await chaos(kernel, { folder, seed: 1, minutes: 2, updates: FEW });
  expect(result.growth).toEqual([]);
  expect(result.switches).toBeGreaterThan(0);
});

it('notices an update that is applied and changes nothing', { timeout: HOUR }, async () => {
  const folder = await prepare(kernel, [DEAF]);
  const run = chaos(kernel, { folder, seed: 1, minutes: 2, updates: [DEAF] });
  await expect(run).rejects.toThrow(/^seed 1: WRONG: .*: poll answers 'old' instead of 'new'/);
});
