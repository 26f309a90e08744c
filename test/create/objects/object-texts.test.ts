// The text that an object is made of, before a patch and with it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PatchedFile } from '../../../src/create/change/patched-file.js';
import { ObjectTexts } from '../../../src/create/objects/object-texts.js';
import { withFiles } from '../../support/files.js';

const FILES = { 'a.c': 'int a;', 'a.h': 'int h;', 'other.h': 'int o;' };

const dependenciesIn = (tree: string) => ['../a.h', join(tree, 'other.h'), 'include/config/NOT'];

function annotatedOf(files: readonly PatchedFile[]) {
  const tree = '/nowhere/tree';
  const all = new ObjectTexts({ tree, objects: join(tree, 'objects') }, files);
  const made = { commands: [], source: '../a.c', dependencies: dependenciesIn(tree) };
  return all.of({ made }).annotated;
}

function textsOf(files: readonly PatchedFile[]) {
  const texts = Object.entries(FILES).map(([name, text]) => [name, Buffer.from(text)] as const);
  return withFiles(Object.fromEntries(texts), (tree) => {
    const objects = join(tree, 'objects');
    mkdirSync(objects);
    const all = new ObjectTexts({ tree, objects }, files);
    const { pre, post, mayAlign } = all.of({
      made: { commands: [], source: '../a.c', dependencies: dependenciesIn(tree) },
    });
    const shown = (list: ReturnType<typeof pre>) =>
      list.map(({ path, text }) => `${path}: ${text}`);
    return { pre: shown(pre()), post: shown(post()), mayAlign };
  });
}

test('is what the patch makes of the tree, and each file under its name there', () => {
  const changed = { path: 'a.c', kind: 'source', before: 'int a;', after: 'int a, b;' } as const;
  const added = { path: 'new.h', kind: 'included', before: undefined, after: 'int n;' } as const;
  expect(textsOf([changed, added])).toEqual({
    pre: ['a.c: int a;', 'a.h: int h;', 'other.h: int o;'],
    post: ['a.c: int a, b;', 'a.h: int h;', 'other.h: int o;', 'new.h: int n;'],
    mayAlign: false,
  });
});

test('without the patch has the updates below', () => {
  const between = ['int first;', 'int second;'];
  const file = {
    path: 'a.h',
    kind: 'included',
    before: 'int h;',
    between,
    after: 'int x;',
  } as const;
  expect(textsOf([file])).toMatchObject({
    pre: ['a.c: int a;', 'a.h: int second;', 'other.h: int o;'],
    post: ['a.c: int a;', 'a.h: int x;', 'other.h: int o;'],
  });
});

test('of a file that goes is there only before, and alignment is seen', () => {
  const file = { path: 'a.h', kind: 'included', before: 'int h __aligned(8);', after: undefined };
  expect(textsOf([file as PatchedFile])).toEqual({
    pre: ['a.c: int a;', 'a.h: int h __aligned(8);', 'other.h: int o;'],
    post: ['a.c: int a;', 'other.h: int o;'],
    mayAlign: true,
  });
});

test('has what only the source tells of a type, if the object reads the file', () => {
  const change = (path: string) => ({
    path,
    kind: 'included' as const,
    before: 'struct a {\n\tint *h;\n};\n',
    after: 'struct a {\n\tint __percpu *h;\n};\n',
  });
  const said = {
    type: 'struct a',
    reason: 'h was an ordinary pointer, and would be a pointer to per-cpu data',
  };
  expect(annotatedOf([change('a.h')])).toEqual([said]);
  expect(annotatedOf([change('include/elsewhere.h')])).toEqual([]);
});
