// Damaged objects: a typed refusal or a verdict, never an exception of the
// runtime, never a hang. The damage is chosen by a fixed seed.

import { expect, test } from 'vitest';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { KspliceError } from '../../src/errors.js';
import { compileBytes } from './fixtures.js';

const sources = ['dynamic-debug.c', 'alternative.c', 'do-once.c', 'new-code.c', 'shared-code.c'];
const casesEach = 400;

/** xorshift32: the same damage on every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The object's bytes, with a few of them changed; most where they matter: headers, symbols, relocations. */
function damage(object: ElfObject, data: Buffer, pick: (below: number) => number): Buffer {
  const copy = Buffer.from(data);
  const metadata = object.sections.filter((section) => [2, 4].includes(section.type));
  const headers = data.length - object.sections.length * 64;
  for (let i = 0; i <= pick(3); i++) {
    const place = pick(3);
    const table = metadata[pick(metadata.length)]!;
    let offset = pick(data.length);
    if (place === 0) offset = headers + pick(data.length - headers);
    if (place === 1) offset = table.offset + pick(table.size);
    const values = [0, 0xff, 0x80, 0x7f, pick(256), copy[offset]! + 1];
    copy[offset] = values[pick(values.length)]!;
  }
  return copy;
}

/** Diffs both ways; anything but a KspliceError is thrown on. */
function attempt(pre: Buffer, post: Buffer): string {
  try {
    const objects = [new ElfObject(pre, 'pre'), new ElfObject(post, 'post')] as const;
    const diff = diffObjects(...objects, 'damaged.o', inferTableSizes(objects));
    for (const section of diff.kept) diff.relocations(section);
    for (const symbol of objects[1].symbols.slice(0, 50)) diff.explain(symbol.name);
    return diff.verdict;
  } catch (error) {
    if (error instanceof KspliceError) return error.code;
    throw error;
  }
}

function parsedPair(file: string): [pre: ElfObject, post: ElfObject, a: Buffer, b: Buffer] {
  const [a, b] = compileBytes(file);
  return [new ElfObject(a, 'pre'), new ElfObject(b, 'post'), a, b];
}

test.each(sources)('%s with damage', (file) => {
  const [pre, post, a, b] = parsedPair(file);
  const pick = random(0x5eed);
  const outcomes = new Map<string, number>();
  for (let i = 0; i < casesEach; i++) {
    const started = performance.now();
    const outcome =
      i % 2 === 0 ? attempt(damage(pre, a, pick), b) : attempt(a, damage(post, b, pick));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    expect(performance.now() - started).toBeLessThan(10_000);
  }
  // Both kinds of outcome occur, or the damage would prove nothing.
  expect(outcomes.get('bad-elf') ?? 0).toBeGreaterThan(casesEach / 50);
  expect(outcomes.get('changed') ?? 0).toBeGreaterThan(casesEach / 50);
});

test('cut short at any place', () => {
  const [, , a, b] = parsedPair('dynamic-debug.c');
  for (let length = 0; length < b.length; length += 37) {
    expect(attempt(a, b.subarray(0, length))).toBe('bad-elf');
  }
});

test('an object without symbols, or not relocatable, is refused as such', () => {
  const [, , pre, post] = parsedPair('removed.c');
  const linked = Buffer.from(post);
  linked.writeUInt16LE(2, 16); // ET_EXEC
  expect(attempt(pre, linked)).toBe('unsupported-object');
});
