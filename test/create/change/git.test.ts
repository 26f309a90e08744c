// The git way on small repositories: what is compared, and that nothing of the
// user's is touched.

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { openGitChange } from '../../../src/create/change/git.js';
import { UndoStack } from '../../../src/create/invocation/undo-stack.js';
import type { Update } from '../../../src/update/update.js';

let area: string;
let tree: string;
const before = process.env.KSPLICE_CACHE;

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
  return execFileSync('git', [...identity, '-C', tree, ...args], { encoding: 'utf8' }).trim();
}

function commit(files: Readonly<Record<string, string | null>>, message: string): string {
  for (const [path, text] of Object.entries(files)) {
    if (text === null) rmSync(join(tree, path));
    else writeFileSync(join(tree, path), text, 'latin1');
  }
  git('add', '-A');
  git('commit', '-qm', message);
  return git('rev-parse', 'HEAD');
}

let first: string;
let second: string;

beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-git-'));
  tree = join(area, 'linux');
  process.env.KSPLICE_CACHE = join(area, 'cache');
  mkdirSync(tree);
  git('init', '-q', '-b', 'main');
  first = commit({ 'a.c': 'one\n', 'b.h': 'old\n', 'gone.c': 'x\n' }, 'As it runs');
  git('checkout', '-qb', 'fix');
  const changes = { 'a.c': 'zwei \xe9\n', 'new.h': 'new\n', 'gone.c': null };
  second = commit(changes, 'Mend it\n\nAt last.');
  git('checkout', '-q', 'main');
});
afterEach(() => {
  if (before === undefined) delete process.env.KSPLICE_CACHE;
  else process.env.KSPLICE_CACHE = before;
  rmSync(area, { recursive: true, force: true });
});

const open = (revision: string, source = tree, bases: readonly Update[] = []) =>
  openGitChange(source, revision, bases, silentUi);
const ref = (name = 'pre') => git('for-each-ref', '--format=%(objectname)', `refs/ksplice/${name}`);

/** All that the user would see change. */
function picture(): string {
  const files = readdirSync(tree, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('.git/refs/ksplice') && !path.startsWith('.git/logs'))
    .sort();
  return [
    readFileSync(join(tree, '.git/index'), 'latin1'),
    git('rev-parse', 'HEAD'),
    ...files,
  ].join();
}

async function checkOut(revision: string): Promise<{ read: (path: string) => string | undefined }> {
  const undo = new UndoStack();
  const { git: change } = await open(revision);
  const directory = await change.checkOut(undo, silentUi);
  expect(undo.unwind()).toEqual([]);
  const read = (path: string) =>
    existsSync(join(directory, path)) ? readFileSync(join(directory, path), 'latin1') : undefined;
  return { read };
}

describe('openGitChange', () => {
  it('compares HEAD with the revision, whatever lies in the work tree', async () => {
    writeFileSync(join(tree, 'a.c'), 'not committed\n');
    writeFileSync(join(tree, 'b.h'), 'staged\n');
    git('add', 'b.h');
    const untouched = picture();
    const { files, diff, description, words } = await open('fix');
    expect(words).toContain(`\n${description}\n`);
    expect(words).not.toContain(git('log', '-1', '--format=%s', first));
    expect(files).toEqual([
      { path: 'a.c', kind: 'source', before: 'one\n', after: 'zwei \xe9\n' },
      { path: 'gone.c', kind: 'source', before: 'x\n', after: undefined },
      { path: 'new.h', kind: 'included', before: undefined, after: 'new\n' },
    ]);
    expect(diff).toContain('-one\n+zwei \xe9\n');
    expect(description).toBe('Mend it');
    expect(picture()).toBe(untouched);
    expect(ref()).toBe('');
  });

  it("takes the commit that runs into the cache, and leaves the user's tree alone", async () => {
    writeFileSync(join(tree, 'a.c'), 'not committed\n');
    writeFileSync(join(tree, 'untracked.h'), 'x\n');
    const untouched = picture();
    const { read } = await checkOut('fix');
    expect(['a.c', 'b.h', 'gone.c', 'untracked.h', '.git'].map(read)).toEqual([
      'one\n',
      'old\n',
      'x\n',
      undefined,
      undefined,
    ]);
    expect(picture()).toBe(untouched);
  });

  it('follows what runs: files come, go and change in the cache', async () => {
    await checkOut('fix');
    const [place = ''] = readdirSync(join(area, 'cache/git'));
    const unchanged = join(area, 'cache/git', place, 'linux/b.h');
    // As the mirror does, which must not see a new file there.
    linkSync(unchanged, join(area, 'link'));
    const { ino } = statSync(unchanged);
    git('update-ref', 'refs/ksplice/pre', second);
    const { read } = await checkOut('main');
    expect(['a.c', 'b.h', 'gone.c', 'new.h'].map(read)).toEqual([
      'zwei \xe9\n',
      'old\n',
      undefined,
      'new\n',
    ]);
    expect(statSync(unchanged).ino).toBe(ino);
  });

  it('begins anew after a run that was killed while it wrote', async () => {
    await checkOut('fix');
    const [place = ''] = readdirSync(join(area, 'cache/git'));
    const cache = join(area, 'cache/git', place);
    rmSync(join(cache, 'commit'));
    writeFileSync(join(cache, 'index.lock'), '');
    writeFileSync(join(cache, 'linux/a.c'), 'half');
    const { read } = await checkOut('fix');
    expect(read('a.c')).toBe('one\n');
  });

  it('remembers what runs, and with a series what will', async () => {
    await (await open('fix')).git.remember(false, silentUi);
    expect(ref()).toBe(first);
    const third = commit({ 'a.c': 'three\n' }, 'Went on');
    // HEAD has moved, the kernel has not.
    expect((await open('HEAD')).files).toMatchObject([{ before: 'one\n', after: 'three\n' }]);
    await (await open('HEAD')).git.remember(true, silentUi);
    expect(ref()).toBe(third);
    expect(ref('booted')).toBe(first);
    expect((await open('fix')).git.stackedOn).toEqual(['a.c']);
    expect((await open('fix')).files[0]).toMatchObject({ before: 'three\n', after: 'zwei \xe9\n' });
  });

  it('warns if the ref cannot be moved', async () => {
    const warnings: string[] = [];
    const change = (await open('fix')).git;
    git('update-ref', 'refs/ksplice/pre', second);
    await change.remember(false, { ...silentUi, warn: (text) => warnings.push(text) });
    expect(warnings).toEqual([expect.stringContaining(`git update-ref refs/ksplice/pre ${first}`)]);
    expect(ref()).toBe(second);
  });

  it('refuses what is no commit, no repository, or no change', async () => {
    await expect(open('none')).rejects.toMatchObject({ code: 'usage' });
    await expect(open('--all')).rejects.toMatchObject({ code: 'usage' });
    await expect(open('HEAD')).rejects.toMatchObject({ code: 'no-changes' });
    await expect(open('fix', area)).rejects.toMatchObject({ code: 'no-source' });
    mkdirSync(join(tree, 'net'));
    await expect(open('fix', join(tree, 'net'))).rejects.toMatchObject({ code: 'no-source' });
    git('checkout', '-q', '--orphan', 'empty');
    await expect(open('fix')).rejects.toMatchObject({ code: 'no-source' });
  });
});

describe('openGitChange on updates that are applied', () => {
  /** All that is looked at of an update here. */
  const update = (id: string, from: string, to: string) => {
    const patch = execFileSync('git', ['-C', tree, 'diff', from, to], { encoding: 'latin1' });
    return { id, patch } as Update;
  };

  it('goes from the commit that was booted with their patches to the revision', async () => {
    git('update-ref', 'refs/ksplice/pre', first);
    const third = commit({ 'a.c': 'three\n', 'late.c': 'x\n' }, 'Without what the first one did');
    const change = await open('main', tree, [update('u1', first, second)]);
    expect(change.below).toMatchObject([
      [
        { path: 'a.c', before: 'one\n', after: 'zwei \xe9\n' },
        { path: 'gone.c', before: 'x\n', after: undefined },
        { path: 'new.h', before: undefined, after: 'new\n' },
      ],
    ]);
    const files = new Map(change.files.map((file) => [file.path, file]));
    expect(files.get('a.c')).toMatchObject({
      before: 'one\n',
      between: ['zwei \xe9\n'],
      after: 'three\n',
    });
    expect(files.get('gone.c')).toMatchObject({ before: 'x\n', after: 'x\n' });
    expect(files.get('new.h')).toMatchObject({ before: undefined, after: undefined });
    expect(files.get('late.c')).toMatchObject({ before: undefined, after: 'x\n' });
    // The update does what was not so before: it takes the first one's change back.
    expect(change.diff).toContain('-zwei \xe9\n+three\n');
    expect(change.diff).toContain('+++ b/gone.c');
    expect(change.diff).toContain('--- a/new.h\n+++ /dev/null');
    const undo = new UndoStack();
    const directory = await change.git.checkOut(undo, silentUi);
    expect(undo.unwind()).toEqual([]);
    expect(readFileSync(join(directory, 'a.c'), 'latin1')).toBe('one\n');
    await change.git.remember(true, silentUi);
    expect([ref('booted'), ref()]).toEqual([first, third]);
  });

  it('has nothing to do if they lead to the revision', async () => {
    const applied = [update('u1', first, second)];
    await expect(open('fix', tree, applied)).rejects.toMatchObject({ code: 'no-changes' });
  });

  it('goes on with a series if they are what it consists of', async () => {
    await (await open('fix')).git.remember(true, silentUi);
    git('checkout', '-q', 'fix');
    commit({ 'a.c': 'drei\n' }, 'Once more');
    const change = await open('fix', tree, [update('u1', first, second)]);
    expect(change.git.stackedOn).toEqual([]);
    expect(change.diff).toContain('-zwei \xe9\n+drei\n');
    git('checkout', '-q', '-b', 'other', first);
    const other = commit({ 'a.c': 'other\n' }, 'Another one');
    await expect(open('fix', tree, [update('u2', first, other)])).rejects.toMatchObject({
      code: 'refused-change',
      details: { problems: [{ code: 'other-series', files: ['a.c', 'gone.c', 'new.h'] }] },
    });
  });
});
