import { expect, it } from 'vitest';
import { parseRecord } from '../../src/host/kernel-records.js';

it('reads a record of the kernel, and none that a program wrote', () => {
  expect(parseRecord('4,1023,77000,-;WARNING: x\n DEVICE=+y\n')).toEqual({
    sequence: 1023,
    text: 'WARNING: x',
  });
  expect(parseRecord('4,12,77000,-,caller=T12;Oops: 0000 [#1]\n')?.sequence).toBe(12);
  // user.warning: facility 1.
  expect(parseRecord('12,1024,77001,-;BUG: said a program\n')).toBeUndefined();
  expect(parseRecord('no record')).toBeUndefined();
});
