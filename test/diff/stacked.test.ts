// The differ with updates below: an object in three states, the middle one running.

import { describe, expect, test } from 'vitest';
import { Homes } from '../../src/diff/homes.js';
import type { ObjectDiff } from '../../src/diff/object-diff.js';
import { homesOf } from '../support/states.js';
import { relocationsOf } from './fixtures.js';

interface Stack {
  readonly homes: Homes;
  readonly diff: ObjectDiff;
}

/** From sources of the object as booted, as an update below has it, and as it is to be. */
function stack(...sources: [string, string, string]): Stack {
  const {
    booted,
    steps: [below, diff],
  } = homesOf(sources, 'a.o');
  return { homes: new Homes(booted, [below!]), diff: diff! };
}

function homeOf({ homes }: Stack, name: string): string {
  const symbol = homes.steps[0]!.post.symbols.find(
    (one) => one.name.replace(/\.\d+$/, '') === name,
  );
  if (!symbol) throw new Error(`there is no ${name}`);
  const home = homes.of(symbol);
  return `${home.kind} ${home.symbol.name.replace(/\.\d+$/, '')}`;
}

const BOOTED = `
static int old_state;
noipa int caller(int x) { return sink(x) + old_state++; }
`;
const BELOW = `
static int old_state, new_state;
static noipa int added(int x) { static int count; return sink(x + 1) + count++; }
noipa int caller(int x) { static int calls; return added(x) + old_state++ + new_state++ + calls++; }
`;

describe('with an update below', () => {
  test('what was there at boot is where it was, what is new is in the update', () => {
    const found = stack(BOOTED, BELOW, BELOW.replace('calls++', 'calls--'));
    expect(found.diff.functions.changed).toEqual(['caller']);
    const names = ['caller', 'old_state', 'new_state', 'added', 'count', 'calls'];
    expect(names.map((name) => homeOf(found, name))).toEqual([
      'booted caller',
      'booted old_state',
      'update new_state',
      'update added',
      'update count',
      'update calls',
    ]);
    expect(relocationsOf(found.diff, '.text.caller')).toContainEqual(
      expect.stringMatching(/^running added/),
    );
  });

  test('a changed function of the update is taken along, and its callers are replaced', () => {
    const found = stack(BOOTED, BELOW, BELOW.replace('sink(x + 1)', 'sink(x + 2)'));
    expect(found.diff.refusals).toEqual([]);
    expect(found.diff.replaced.map(({ name }) => name)).toEqual(['caller']);
    expect(relocationsOf(found.diff, '.text.caller')).toContainEqual(
      expect.stringMatching(/^kept .text.added/),
    );
    // Its static local goes on.
    expect(relocationsOf(found.diff, '.text.added')).toContainEqual(
      expect.stringMatching(/^running count/),
    );
  });

  test.each([
    ['global', BELOW.replace('static noipa int added', 'noipa int added')],
    ['handed out', `${BELOW}int (*handed_out)(int) = added;\n`],
    ['taken as a value', BELOW.replace('added(x)', 'sink((int)(long)added) + added(x)')],
  ])('one that is %s is refused', (_, below) => {
    const found = stack(BOOTED, below, below.replace('sink(x + 1)', 'sink(x + 2)'));
    expect(found.diff.refusals).toMatchObject([{ code: 'added-below', symbol: 'added' }]);
    expect(found.diff.verdict).toBe('refused');
  });

  test('a table of the update is not written over, but read anew', () => {
    const table = (values: string) => `
static const unsigned char table[] = { ${values} };
noipa int caller(int x) { return sink(table[x]); }
noipa int other(int x) { return sink(table[x] + 1); }
`;
    const booted = table('1, 2, 3');
    const resized = table('4, 5, 6, 7');
    const found = stack(booted, resized, table('4, 5, 6, 8'));
    expect(homeOf(found, 'table')).toBe('update table');
    expect(found.diff.refusals).toEqual([]);
    expect(found.diff.written).toEqual([]);
    expect(found.diff.replaced.map(({ name }) => name).sort()).toEqual(['caller', 'other']);
    // Of the same size, and in the kernel as booted, it is.
    const same = stack(booted, table('1, 2, 4'), table('1, 2, 5'));
    expect(homeOf(same, 'table')).toBe('booted table');
    expect(same.diff.written.map(({ name }) => name)).toEqual(['table']);
  });
});
