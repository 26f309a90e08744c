// Objects that clang made of the same sources come to the verdicts that those of gcc come to.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { command } from '../../src/cli/commands/objdiff.js';
import { diffObjects } from '../../src/diff/index.js';
import { isFresh, staticLocalBase } from '../../src/diff/names.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { compilePair, fixtures } from './fixtures.js';

const objects = path.join(fixtures, '../clang');
const names = readdirSync(objects)
  .filter((file) => file.endsWith('.pre.o'))
  .map((file) => file.slice(0, -'.pre.o'.length))
  .filter((name) => existsSync(path.join(fixtures, `${name}.json`)));
const read = (name: string) => new ElfObject(readFileSync(name), name);
const file = (name: string, state: 'pre' | 'post') => path.join(objects, `${name}.${state}.o`);

interface Names {
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}
/** Static locals have other numbers with each compiler. */
const plain = (list: Names) =>
  (['changed', 'added', 'removed'] as const).map((what) =>
    list[what].map((name) => name.replace(/\.[\d?]+$/, '')).sort(),
  );

test('there are some', () => expect(names.length).toBeGreaterThanOrEqual(8));

describe('objdiff of clang’s objects', () => {
  test.each(names)('%s', async (name) => {
    const expected = JSON.parse(readFileSync(path.join(fixtures, `${name}.json`), 'utf8')) as {
      verdict: string;
      functions?: Names;
      refusals?: { code: string }[];
    };
    const options = { pre: file(name, 'pre'), post: file(name, 'post') };
    const { json } = (await command.run(options, silentUi)) as unknown as {
      json: { verdict: string; functions: Names; refusals: { code: string }[] };
    };
    expect(json.verdict).toBe(expected.verdict);
    if (expected.functions) expect(plain(json.functions)).toEqual(plain(expected.functions));
    const codes = (refusals: { code: string }[] = []) => refusals.map(({ code }) => code);
    expect(codes(json.refusals)).toEqual(codes(expected.refusals));
  });
});

test('an object of gcc is none to compare one of clang with', () => {
  const post = read(file('function-changed', 'post'));
  const [pre] = compilePair('function-changed.c');
  expect(() => diffObjects(pre, post, 'f.o', inferTableSizes([pre, post]))).toThrow(
    /was compiled by .*clang.*, the other object by GCC/,
  );
});

test('a member of a struct is known by its place in the struct, not by its number', () => {
  const [pre, post] = [file('pieces', 'pre'), file('pieces', 'post')].map(read);
  const diff = diffObjects(pre!, post!, 'pieces.o', inferTableSizes([pre!, post!]));
  // Its code is the same: it went over from state.0, the first, to state.1, the third.
  expect(diff.functions.changed).toEqual(['user', 'both']);
  const twins = [...diff.twins].map(([post, pre]) => [post.name, pre.name]);
  expect(twins).toContainEqual(['state.0', 'state.1']);
  expect(twins.map(([name]) => name)).not.toContain('state.1');
  expect(diff.refusals).toMatchObject([
    {
      code: 'ambiguous-static',
      symbol: 'state.1',
      message: expect.stringContaining('a member of a static struct'),
    },
  ]);
});

describe('a name that clang gives', () => {
  test.each([
    ['walk.count', 'count'],
    ['walk.count.1', 'count'],
    ['count.12', 'count'],
    ['walk.isra.0', 'walk.isra'],
    ['walk.cold', undefined],
    ['walk.localalias', undefined],
    ['count', undefined],
  ])('%s is that of the static local %s', (name, base) => expect(staticLocalBase(name)).toBe(base));

  test.each(['walk.__key', 'walk.__already_done.3', '__func__.walk', 'walk.__UNIQUE_ID_ddebug123'])(
    '%s is compared by content',
    (name) => expect(isFresh(name)).toBe(true),
  );

  test.each(['walk.___done', '__func__walk', 'walk.count'])('%s is not', (name) =>
    expect(isFresh(name)).toBe(false),
  );
});
