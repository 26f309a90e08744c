// The layering rule of docs/design.md: imports point downward only, and what
// handles bytes touches neither files nor processes.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const src = path.resolve(import.meta.dirname, '../src');

// A folder may import from itself and from folders of a lower rank.
const rank: Record<string, number> = {
  '.': 0,
  base: 0,
  elf: 1,
  btf: 2,
  dwarf: 2,
  program: 2,
  kernel: 3,
  diff: 3,
  layout: 4,
  match: 4,
  update: 4,
  extract: 5,
  dangling: 5,
  configure: 6,
  check: 7,
  inspect: 7,
  create: 8,
  apply: 8,
  install: 9,
  cli: 10,
};
const pure = ['elf', 'btf', 'dwarf', 'program', 'diff', 'layout', 'match', 'extract', 'dangling'];

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
}

function imports(): Import[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .flatMap((file) => {
      const text = readFileSync(path.join(src, file), 'utf8');
      const specifiers = text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s+'([^']+)'/g);
      const dynamic = text.matchAll(/\bimport\('([^']+)'\)/g);
      const folder = file.includes('/') ? file.slice(0, file.indexOf('/')) : '.';
      return [...specifiers, ...dynamic].map((found) => ({ file, folder, target: found[1]! }));
    });
}

test('every folder of src has its place in the layers', () => {
  const folders = new Set(imports().map((entry) => entry.folder));
  expect([...folders].filter((folder) => rank[folder] === undefined)).toEqual([]);
  expect(folders.size).toBeGreaterThan(5);
});

test('imports point downward', () => {
  const upward = imports()
    .filter((entry) => entry.target.startsWith('.'))
    .flatMap(({ file, folder, target }) => {
      const place = path.relative(src, path.resolve(src, path.dirname(file), target));
      const to = place.includes('/') ? place.slice(0, place.indexOf('/')) : '.';
      return to === folder || rank[to]! < rank[folder]! ? [] : [`${file} imports ${target}`];
    });
  expect(upward).toEqual([]);
});

test('code that handles bytes imports no files, processes or clocks', () => {
  const impure = imports()
    .filter(({ folder, target }) => pure.includes(folder) && !target.startsWith('.'))
    // node:module only to load the decoder when it is first needed.
    .filter(({ target }) => !['elfy', 'diff', 'iced-x86', 'node:module'].includes(target))
    .map(({ file, target }) => `${file} imports ${target}`);
  expect(impure).toEqual([]);
});
