// Damaged objects: a typed refusal or a verdict, never an exception of the
// runtime, never a hang. The damage is chosen by a fixed seed; `npm run fuzz`
// goes on with others.

import { expect, test } from 'vitest';
import { attempt, fuzzPair, random } from '../fuzz/damage.js';
import { compileBytes } from './fixtures.js';

const sources = [
  'dynamic-debug.c',
  'alternative.c',
  'do-once.c',
  'new-code.c',
  'shared-code.c',
  'copied-tables.c',
];
const casesEach = 400;

test.each(sources)('%s with damage', (file) => {
  const { counts, slowest } = fuzzPair(...compileBytes(file), casesEach, random(0x5eed));
  expect(slowest).toBeLessThan(10_000);
  // Both kinds of outcome occur, or the damage would prove nothing.
  expect(counts.get('bad-elf') ?? 0).toBeGreaterThan(casesEach / 50);
  expect(counts.get('changed') ?? 0).toBeGreaterThan(casesEach / 50);
});

test('cut short at any place', () => {
  const [a, b] = compileBytes('dynamic-debug.c');
  for (let length = 0; length < b.length; length += 37) {
    expect(attempt(a, b.subarray(0, length))).toBe('bad-elf');
  }
});

test('an object without symbols, or not relocatable, is refused as such', () => {
  const [pre, post] = compileBytes('removed.c');
  const linked = Buffer.from(post);
  linked.writeUInt16LE(2, 16); // ET_EXEC
  expect(attempt(pre, linked)).toBe('unsupported-object');
});
