// The short form of `npm run soak`.

import { expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { growth, soak } from './soak/soak.js';

it('applies and undoes updates under load, again and again, and leaves nothing', async () => {
  const result = await soak(await testKernel(), 14);
  expect(result.bytesStreamed).toBeGreaterThan(0);
  expect(growth(result)).toEqual([]);
});
