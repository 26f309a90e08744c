// Objects that clang made of the same sources come to the verdicts that those of gcc come to.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { command } from '../../src/cli/commands/objdiff.js';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { fixtures } from './fixtures.js';

const objects = path.join(fixtures, '../clang');
const names = readdirSync(objects)
  .filter((file) => file.endsWith('.pre.o'))
  .map((file) => file.slice(0, -'.pre.o'.length));
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

test('create takes none: the kernel would have to be made by clang', () => {
  const [pre, post] = (['pre', 'post'] as const).map((state) => {
    const path = file('function-changed', state);
    return new ElfObject(readFileSync(path), path);
  });
  const tables = inferTableSizes([pre!, post!]);
  expect(() => diffObjects(pre!, post!, 'f.o', tables)).toThrow(/was compiled by clang/);
});
