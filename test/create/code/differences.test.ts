// What all objects of an update come to together.

import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KspliceError } from '../../../src/base/errors.js';
import { silentUi } from '../../../src/base/ui.js';
import { findDifferences } from '../../../src/create/code/differences.js';
import type { CompiledObject } from '../../../src/create/values.js';
import { ElfObject } from '../../../src/elf/object.js';
import { inferTableSizes } from '../../../src/elf/tables.js';
import { withFiles } from '../../support/files.js';
import { bytesOf } from '../../support/states.js';

/** The code of an update of these objects, each before and after, or why there is none. */
function outcome(objects: Readonly<Record<string, readonly [before: string, after: string]>>) {
  const files = Object.entries(objects).flatMap(([name, [before, after]]) => [
    [`${name}.pre.o`, bytesOf(before)] as const,
    [`${name}.post.o`, bytesOf(after)] as const,
  ]);
  return withFiles(Object.fromEntries(files), (folder) => {
    const compiled = Object.keys(objects).map((name) => {
      const [pre, post] = ['pre', 'post'].map((state) => path.join(folder, `${name}.${state}.o`));
      return {
        name,
        owners: ['vmlinux'],
        plain: pre,
        sectioned: pre,
        post,
      } as unknown as CompiledObject;
    });
    const tables = inferTableSizes(files.map(([name, bytes]) => new ElfObject(bytes, name)));
    try {
      const found = findDifferences(compiled, tables, silentUi);
      return found.targets.flatMap(({ objects: all }) => all.map(({ label }) => label));
    } catch (error) {
      if (error instanceof KspliceError) return error.code;
      throw error;
    }
  });
}

const user = [
  'noipa int user(int x) { return sink(x); }\n',
  'int added(int);\nnoipa int user(int x) { return sink(added(x)); }\n',
] as const;
const supplier = ['int there;\n', 'int there;\nint added(int x) { return x + there; }\n'] as const;

test('what is new in one object and used by another is part of the update', () => {
  expect(outcome({ user, supplier })).toEqual(['user', 'supplier']);
});

test('what is new and used by nobody changes nothing', () => {
  expect(outcome({ supplier })).toBe('no-changes');
});

test('what moves from one object to another is refused', () => {
  const gives = [
    'int level = 5;\nnoipa int raise(int x) { return sink(level += x); }\n',
    'extern int level;\nnoipa int raise(int x) { return sink(level += x); }\n',
  ] as const;
  const takes = [
    'noipa int other(int x) { return sink(x); }\n',
    'int level = 5;\nnoipa int other(int x) { return sink(x + level); }\n',
  ] as const;
  expect(outcome({ gives, takes })).toBe('refused-change');
});

describe('a constant of another size', () => {
  const rates = (values: string, use: string): string =>
    `struct radio { const unsigned char *rates; int n; };
extern int look(const unsigned char *from);
static const unsigned char rates[] = { ${values} };
${use}
`;
  const changed = (use: string) =>
    outcome({ a: [rates('2, 4, 11, 0', use), rates('2, 4, 11, 22, 0', use)] });

  test.each([
    ['returned', 'const unsigned char *all(void) { return rates; }'],
    ['stored', 'void fill(struct radio *radio) { radio->rates = rates; }'],
    [
      'stored by a function of its own',
      'static noipa void put(struct radio *radio, const unsigned char *from) { radio->rates = from; }\nvoid fill(struct radio *radio) { put(radio, rates); }',
    ],
    [
      'kept in a variable',
      'static const unsigned char *now; void fill(void) { now = rates; }\nint first(void) { return now[0]; }',
    ],
  ])('is refused if its address is %s by code that did not change', (_, use) => {
    expect(changed(use)).toBe('refused-change');
  });

  test.each([
    ['ends with a null pointer', '&one, &two, 0', '&one, &two, &two, 0', ['a']],
    ['has a null pointer in the middle', '&one, 0, &two', '&one, 0, &two, &two', 'refused-change'],
  ])('of pointers that %s', (_, before, after, expected) => {
    const text = (values: string) =>
      `static const int one = 1, two = 2;\nstatic const int *const table[] = { ${values} };\nconst int *const *all(void) { return table; }\n`;
    expect(outcome({ a: [text(before), text(after)] })).toEqual(expected);
  });

  test.each([
    [
      'goes out with its length',
      'void fill(struct radio *radio) { radio->rates = rates; radio->n = sizeof(rates); }',
    ],
    ['is handed to somebody', 'int find(void) { return look(rates) + 1; }'],
    [
      'is read to its end',
      'int sum(void) { int all = 0; for (const unsigned char *at = rates; *at; at++) all += sink(*at); return all; }',
    ],
    ['is read by a number', 'int rate(int i) { return rates[i & 3]; }'],
  ])('comes along if it %s', (_, use) => {
    expect(changed(use)).toEqual(['a']);
  });
});
