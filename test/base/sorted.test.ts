import { expect, it } from 'vitest';
import { firstNotBefore } from '../../src/base/sorted.js';

it('finds the first of equal items, and both ends', () => {
  const lists = [[], [1], [1, 2, 2, 2, 5], [2, 2], Array.from({ length: 100 }, (_, at) => at >> 3)];
  for (const list of lists) {
    for (let wanted = -1; wanted < 14; wanted++) {
      const expected = list.filter((one) => one < wanted).length;
      expect(firstNotBefore(list, (one) => one < wanted)).toBe(expected);
    }
  }
});
