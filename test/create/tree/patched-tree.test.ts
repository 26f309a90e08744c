import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PatchedFile } from '../../../src/create/change/patched-file.js';
import { UndoStack } from '../../../src/create/invocation/undo-stack.js';
import { PatchedTree } from '../../../src/create/tree/patched-tree.js';

let area: string;
let users: string;
let tree: string;
const FILES: readonly PatchedFile[] = [
  { path: 'a.c', kind: 'source', before: 'old a\n', after: 'new a\n' },
  { path: 'gone.h', kind: 'included', before: 'old h\n', after: undefined },
  { path: 'deep/er/new.h', kind: 'included', before: undefined, after: 'new h\n' },
];

beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-patched-'));
  [users, tree] = [join(area, 'users'), join(area, 'tree')];
  for (const directory of [users, tree]) mkdirSync(directory);
  for (const { path, before } of FILES) {
    if (before === undefined) continue;
    writeFileSync(join(users, path), before);
    linkSync(join(users, path), join(tree, path));
  }
});
afterEach(() => rmSync(area, { recursive: true, force: true }));

const content = (path: string) =>
  existsSync(join(tree, path)) ? readFileSync(join(tree, path), 'latin1') : undefined;
const isAs = (when: 'before' | 'after') => FILES.every((file) => content(file.path) === file[when]);
const inodes = () =>
  FILES.map(({ path }) => statSync(join(tree, path), { throwIfNoEntry: false })?.ino);

describe('PatchedTree', () => {
  it('patches without touching the linked files, and puts the very files back', () => {
    const before = inodes();
    const undo = new UndoStack();
    new PatchedTree(tree, area).patch(FILES, undo);
    expect(isAs('after')).toBe(true);
    expect(readFileSync(join(users, 'a.c'), 'utf8')).toBe('old a\n');
    expect(readFileSync(join(users, 'gone.h'), 'utf8')).toBe('old h\n');
    expect(undo.unwind()).toEqual([]);
    expect(isAs('before')).toBe(true);
    expect(inodes()).toEqual(before);
    expect(new PatchedTree(tree, area).recover()).toBe('whole');
  });

  it('recovers after being killed, also in the middle of patching', () => {
    const before = inodes();
    new PatchedTree(tree, area).patch(FILES, new UndoStack());
    expect(new PatchedTree(tree, area).recover()).toBe('restored');
    expect(isAs('before')).toBe(true);
    expect(inodes()).toEqual(before);
    // The second file cannot be moved: patch() ends half-way, and nothing is undone.
    const halfway = [FILES[0]!, { ...FILES[1]!, path: 'missing.h' }, FILES[2]!];
    expect(() => new PatchedTree(tree, area).patch(halfway, new UndoStack())).toThrow();
    expect(content('a.c')).toBe('new a\n');
    expect(new PatchedTree(tree, area).recover()).toBe('restored');
    expect(isAs('before')).toBe(true);
    expect(inodes()).toEqual(before);
  });

  it.each([
    '',
    '{"path": "a.c"',
    'null',
    '[null]',
    '[{"path": "a.c"}]',
    '[{"path": 7, "saved": null}]',
    '[{"path": "../users/a.c", "saved": null}]',
    '[{"path": "a.c", "saved": "../users/gone.h"}]',
  ])('says that all is lost with the journal %j, and touches nothing', (text) => {
    new PatchedTree(tree, area).patch(FILES, new UndoStack());
    writeFileSync(join(area, 'journal.json'), text);
    expect(new PatchedTree(tree, area).recover()).toBe('lost');
    expect(readFileSync(join(users, 'a.c'), 'utf8')).toBe('old a\n');
    expect(readFileSync(join(users, 'gone.h'), 'utf8')).toBe('old h\n');
    // The tree is made again, and the next run has a journal of its own.
    expect(new PatchedTree(tree, area).recover()).toBe('whole');
  });

  it('keeps bytes that are no UTF-8', () => {
    const text = Buffer.from([0x2f, 0x2f, 0xe9, 0x0a]).toString('latin1');
    const undo = new UndoStack();
    new PatchedTree(tree, area).patch([{ ...FILES[0]!, after: text }], undo);
    expect(execFileSync('cat', [join(tree, 'a.c')])).toEqual(Buffer.from(text, 'latin1'));
    undo.unwind();
  });
});

describe('UndoStack', () => {
  it('runs all steps, last first, and names those that failed', () => {
    const order: number[] = [];
    const undo = new UndoStack();
    undo.push('one', () => order.push(1));
    undo.push('two', () => {
      throw new Error('no');
    });
    undo.push('three', () => order.push(3));
    expect(undo.unwind()).toEqual(['two: no']);
    expect(order).toEqual([3, 1]);
    expect(undo.unwind()).toEqual([]);
  });
});
