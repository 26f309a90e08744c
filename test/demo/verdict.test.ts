import { expect, it } from 'vitest';
import { problems } from './verdict.js';

const WORKS = { packets: [], up: true, echoed: true, closed: true };
const STOCK = { ...WORKS, aborts: 12, outOfBlues: 28 };
const PATCHED = { ...WORKS, aborts: 0, outOfBlues: 0 };

it('finds nothing wrong with the states as they should be', () => {
  expect(problems(STOCK, { aborts: true })).toEqual([]);
  expect(problems(PATCHED, { aborts: false })).toEqual([]);
});

it('says what is wrong with any other', () => {
  expect(problems(PATCHED, { aborts: true })).toEqual(['no ABORT was seen']);
  expect(problems(STOCK, { aborts: false })).toEqual(['the kernel still answers with ABORTs']);
  expect(problems({ ...PATCHED, outOfBlues: 1 }, { aborts: false })).toHaveLength(1);
  for (const step of ['up', 'echoed', 'closed']) {
    expect(problems({ ...PATCHED, [step]: false }, { aborts: false })).toHaveLength(1);
  }
});
