import { expect, it } from 'vitest';
import { madeAt } from '../../../src/create/invocation/made-at.js';

it('is made when SOURCE_DATE_EPOCH says, or else now', () => {
  expect(madeAt('1700000000')).toBe('2023-11-14T22:13:20Z');
  expect(madeAt('0')).toBe('1970-01-01T00:00:00Z');
  expect(Math.abs(Date.parse(madeAt('')) - Date.now())).toBeLessThan(60_000);
});

it.each(['yesterday', '-1', '1.5', '999999999999'])('is not made at %s', (epoch) => {
  expect(() => madeAt(epoch)).toThrow('SOURCE_DATE_EPOCH');
});
