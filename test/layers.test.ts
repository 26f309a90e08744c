// The layering rules of docs/design.md: imports point downward, no two files import each other,
// and what handles bytes reaches neither files nor processes, not even through others.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const src = path.resolve(import.meta.dirname, '../src');

// A folder may import from itself and from folders of a lower rank. Relocation types are the part
// of src/arch that src/elf is built on; they import nothing else.
const rank: Record<string, number> = {
  base: 0,
  'arch/relocations': 0,
  elf: 1,
  btf: 2,
  dwarf: 2,
  program: 2,
  arch: 3,
  module: 3,
  kernel: 4,
  diff: 4,
  layout: 5,
  match: 5,
  update: 5,
  extract: 6,
  dangling: 6,
  configure: 7,
  check: 8,
  inspect: 8,
  trust: 6,
  host: 8,
  create: 9,
  apply: 9,
  install: 10,
  package: 10,
  status: 11,
  cli: 12,
};
const relocationTypes = ['relocations.ts', 'relocation-types.ts', 'x86/relocations.ts'];
const pure = [
  'arch/relocations',
  'arch',
  'module',
  'elf',
  'btf',
  'dwarf',
  'program',
  'diff',
  'layout',
  'match',
  'extract',
  'dangling',
];
// node:module only to load the decoder when it is first needed; node:crypto to name things by a hash.
const harmless = ['elfy', 'diff', 'iced-x86', 'node:module', 'node:crypto'];

/** Files below src, each with the files and packages that it imports, types included. */
function importGraph(): Map<string, string[]> {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.d.ts'),
  );
  return new Map(
    files.map((file) => {
      const text = readFileSync(path.join(src, file), 'utf8');
      const named = text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s+'([^']+)'/g);
      const bare = text.matchAll(/(?:^|\n)import '([^']+)'/g);
      const dynamic = text.matchAll(/\bimport\('([^']+)'\)/g);
      const targets = [...named, ...bare, ...dynamic].map(([, target]) =>
        target!.startsWith('.')
          ? path.join(path.dirname(file), target!).replace(/\.js$/, '.ts')
          : target!,
      );
      return [file, targets];
    }),
  );
}

const graph = importGraph();
const folderOf = (file: string) =>
  relocationTypes.includes(path.relative('arch', file))
    ? 'arch/relocations'
    : file.slice(0, Math.max(file.indexOf('/'), 0));

/** All that a file reaches, and by which way. */
function reached(from: string): Map<string, readonly string[]> {
  const ways = new Map<string, readonly string[]>();
  const queue: (readonly string[])[] = [[from]];
  for (const way of queue) {
    for (const target of graph.get(way.at(-1)!) ?? []) {
      if (ways.has(target)) continue;
      ways.set(target, [...way, target]);
      queue.push([...way, target]);
    }
  }
  return ways;
}

test('every import is of a file that is there, and every folder has its place in the layers', () => {
  const missing = [...graph].flatMap(([file, targets]) =>
    targets
      .filter((target) => target.endsWith('.ts') && !graph.has(target))
      .map((target) => `${file} imports ${target}`),
  );
  expect(missing).toEqual([]);
  const folders = new Set([...graph.keys()].map(folderOf));
  expect([...folders].filter((folder) => rank[folder] === undefined)).toEqual([]);
  expect(folders.size).toBeGreaterThan(5);
});

test('imports point downward', () => {
  const upward = [...graph].flatMap(([file, targets]) =>
    targets
      .filter((target) => graph.has(target) && folderOf(target) !== folderOf(file))
      .filter((target) => rank[folderOf(target)]! >= rank[folderOf(file)]!)
      .map((target) => `${file} imports ${target}`),
  );
  expect(upward).toEqual([]);
});

test('no file reaches itself', () => {
  const circles = [...graph.keys()].flatMap((file) => {
    const way = reached(file).get(file);
    return way ? [way.join(' → ')] : [];
  });
  expect(circles).toEqual([]);
});

test('code that handles bytes reaches no files, processes or clocks', () => {
  const impure = [...graph.keys()]
    .filter((file) => pure.includes(folderOf(file)))
    .flatMap((file) => [...reached(file)])
    .filter(([target]) => !graph.has(target) && !harmless.includes(target))
    .map(([, way]) => way.join(' → '));
  expect(new Set(impure)).toEqual(new Set());
});

test('only src/arch knows which machine it is', () => {
  // Comments may say where in the kernel something is read up.
  const code = (file: string) =>
    readFileSync(path.join(src, file), 'utf8').replace(/^ *(\/\/|\/?\*).*$/gm, '');
  const named = [...graph.keys()]
    .filter((file) => !file.startsWith('arch/'))
    .flatMap((file) => {
      const found = /[\w./\\-]*x86[\w./-]*/i.exec(code(file));
      return found ? [`${file} names ${found[0]}`] : [];
    });
  expect(named).toEqual([]);
  const around = [...graph].flatMap(([file, targets]) =>
    targets
      .filter((target) => target.startsWith('arch/x86/') && !file.startsWith('arch/'))
      .map((target) => `${file} imports ${target}`),
  );
  expect(around).toEqual([]);
});

test('only one place knows which engine there is', () => {
  const users = [...graph].flatMap(([file, targets]) =>
    targets.includes('apply/core.ts') ? [file] : [],
  );
  expect(users).toEqual(['apply/engines.ts']);
});

test('no file is too long to be read at once', () => {
  const lines = (file: string) => readFileSync(path.join(src, file), 'utf8').split('\n').length - 1;
  expect([...graph.keys()].filter((file) => lines(file) > 300)).toEqual([]);
});

test('src/create has its rooms, and little else', () => {
  const here = readdirSync(path.join(src, 'create'), { withFileTypes: true });
  const names = (isRoom: boolean) =>
    here.filter((entry) => entry.isDirectory() === isRoom).map(({ name }) => name);
  expect(names(true).sort()).toEqual(
    [
      'again',
      'change',
      'code',
      'invocation',
      'module-dir',
      'modules',
      'objects',
      'set',
      'tree',
    ].sort(),
  );
  expect(names(false).sort()).toEqual(['pipeline.ts', 'prebuild.ts', 'request.ts', 'values.ts']);
});
