// The core is compiled as one unit: nothing of it may be left out, and the kernel's headers must
// come before the macros of its files.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '../../kmodsrc');
const text = (name: string) => readFileSync(join(folder, name), 'utf8');
const sources = ['', 'arch/'].flatMap((place) =>
  readdirSync(join(folder, place))
    .filter((name) => /^(?!.*\.mod\.c$).*\.c$/.test(name))
    .map((name) => place + name),
);
const included = (name: string, kind: RegExp) =>
  [...text(name).matchAll(/^#include (\S+)/gm)]
    .map(([, what]) => what!)
    .filter((w) => kind.test(w));

test('every file is a part of the whole, or an object of its own', () => {
  const parts = included('whole.c', /\.c"$/).map((name) => name.slice(1, -1));
  const own = [...text('Kbuild').matchAll(/^ksplice-\S+ \+?:?= (\S+)\.o$/gm)].map(
    ([, o]) => `${o}.c`,
  );
  expect(own).toContain('whole.c');
  expect([...parts, ...own].sort()).toEqual([...sources].sort());
});

test("the whole begins with all of the kernel's headers that a part names", () => {
  const parts = included('whole.c', /\.c"$/).map((name) => name.slice(1, -1));
  const named = new Set(parts.flatMap((name) => included(name, /^</)));
  const first = included('whole.c', /^</);
  expect([...named].filter((header) => !first.includes(header))).toEqual([]);
});
