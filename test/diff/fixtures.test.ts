// Each feature of the differ on a small pair of objects made by the compiler.
// The expectation beside a fixture's source names what it is about; numbers that
// the compiler chooses are written as "?".

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { ChangedNames, ObjectDiff } from '../../src/diff/object-diff.js';
import { diffFixture, fixtures, relocationsOf, strayRelocations } from './fixtures.js';

interface Expected {
  readonly verdict: string;
  readonly functions?: ChangedNames;
  readonly data?: ChangedNames;
  readonly refusals?: readonly { code: string; symbol?: string }[];
  /** Read-only data that is written in place. */
  readonly written?: readonly string[];
  readonly notes?: readonly string[];
  /** All kept sections. */
  readonly kept?: readonly string[];
  /** Number of kept entries of the tables named; the others do not matter. */
  readonly entries?: Readonly<Record<string, number>>;
  /** Among the relocations of a section, in this order. */
  readonly relocations?: Readonly<Record<string, readonly string[]>>;
  /** Names of all twins. */
  readonly twins?: readonly string[];
  /** What is said about a symbol, among other things. */
  readonly explain?: Readonly<Record<string, string>>;
}

const names = readdirSync(fixtures)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -5));

// Compilers at work do not let the test runner have a word, and it gives up after a minute.
afterEach(() => setImmediate());

describe('fixtures', () => {
  test('every source has its expectation', () => {
    const sources = readdirSync(fixtures).filter((file) => /\.[cS]$/.test(file));
    expect(sources.map((file) => file.slice(0, -2)).sort()).toEqual([...names].sort());
  });

  test.each(names)('%s', (name) => {
    const file = readdirSync(fixtures).find((f) => f === `${name}.c` || f === `${name}.S`)!;
    const expected = JSON.parse(readFileSync(path.join(fixtures, `${name}.json`), 'utf8'));
    check(expected as Expected, diffFixture(file), file);
  });
});

/** As the kernel's scripts/Makefile.kasan has them, for inline instrumentation. */
const kasanFlags = [
  ...['-fsanitize=kernel-address', '-fasan-shadow-offset=0xdffffc0000000000'],
  ...['--param=asan-globals=1', '--param=asan-instrumentation-with-call-threshold=10000'],
  ...['--param=asan-stack=1', '--param=asan-instrument-allocas=1'],
];

describe('with KASAN the same has changed', () => {
  const others = [
    // The line number in a message lies among other constants then: its function counts as changed.
    'lines-moved.c',
    // The address of every variable is a value then, which its checks compute with.
    'kind-const-new.c',
    'kind-static-local.c',
    // Its reports stand between the calls.
    'static-local-several.c',
  ];
  const sources = readdirSync(fixtures).filter((file) => /\.c$/.test(file));
  test.each(sources.filter((file) => !others.includes(file)))('%s', (file) => {
    const json = readFileSync(path.join(fixtures, file.replace(/\.c$/, '.json')), 'utf8');
    const { verdict, functions, data, refusals, written } = JSON.parse(json) as Expected;
    const expected = { verdict, functions, data, refusals, written };
    check(expected as Expected, diffFixture(file, kasanFlags), file);
  });
});

function check(expected: Expected, diff: ObjectDiff, file: string): void {
  expect(diff.refusals).toMatchObject(expected.refusals ?? []);
  expect(diff.refusals).toHaveLength(expected.refusals?.length ?? 0);
  expect(diff.verdict).toBe(expected.verdict);
  for (const refusal of diff.refusals) {
    expect(refusal.object).toBe(file);
    expect(refusal.advice).not.toBe('');
  }
  if (expected.functions) expect(sorted(diff.functions)).toEqual(expected.functions);
  if (expected.data) expect(sorted(diff.data)).toEqual(expected.data);
  if (expected.notes) expect(diff.notes.map(numbers)).toEqual(expected.notes);
  expect(diff.written.map(({ name }) => name)).toEqual(expected.written ?? []);
  if (expected.kept) {
    const kept = [...diff.kept].map((section) => section.name);
    expect(kept.sort()).toEqual([...expected.kept].sort());
  }
  for (const [table, count] of Object.entries(expected.entries ?? {})) {
    const found = diff.entries.filter((entry) => entry.table.name === table);
    expect(found.reduce((sum, entry) => sum + entry.offsets.length, 0)).toBe(count);
  }
  for (const [section, list] of Object.entries(expected.relocations ?? {})) {
    expect(inOrder(relocationsOf(diff, section), list)).toEqual([]);
  }
  if (expected.twins) {
    const twins = [...diff.twins.keys()].map((symbol) => symbol.name);
    expect(twins.map(number).sort()).toEqual([...expected.twins].sort());
  }
  if (diff.verdict !== 'refused') expect(strayRelocations(diff)).toEqual([]);
  for (const [symbol, text] of Object.entries(expected.explain ?? {})) {
    expect(diff.explain(symbol).join('\n')).toContain(text);
  }
}

/** What of `wanted` was not found, in this order; with all that there is, if anything. */
function inOrder(found: readonly string[], wanted: readonly string[]): string[] {
  let at = 0;
  for (const text of wanted) {
    const pattern = new RegExp(
      `^${text.replace(/[.+^$()|[\]]/g, '\\$&').replace(/\?/g, '-?\\d+')}$`,
    );
    const next = found.findIndex((line, i) => i >= at && pattern.test(line));
    if (next < 0) return [`${text} is not among:`, ...found];
    at = next + 1;
  }
  return [];
}

function sorted({ changed, added, removed }: ChangedNames): ChangedNames {
  const sort = (list: readonly string[]) => list.map(number).sort();
  return { changed: sort(changed), added: sort(added), removed: sort(removed) };
}

/** The same, wherever they are in a text. */
function numbers(text: string): string {
  return text.replace(/\.\d+\b/g, '.?');
}

/** `count.3` → `count.?`: the compiler's number. */
function number(name: string): string {
  return name.replace(/\.\d+$/, '.?');
}
