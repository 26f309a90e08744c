import { describe, expect, it } from 'vitest';
import { KspliceError } from '../../../src/base/errors.js';
import { joinPatches, readPatch } from '../../../src/create/change/parse-patch.js';
import { unifiedDiff } from '../../../src/create/change/unified-diff.js';

const HUNK = '@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof KspliceError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('readPatch', () => {
  it('reads a mail with statistics, hunks and a signature', () => {
    const mail = `From 1234 Mon Sep 17 00:00:00 2001
From: A <a@example.org>
Subject: [PATCH] fix it

--- what follows is no header
 a/file.c | 2 +-
diff --git a/file.c b/file.c
index 123..456 100644
--- a/file.c
+++ b/file.c
${HUNK}-- 
2.39.5
`;
    const [patch, ...others] = readPatch(mail, 'mail');
    expect(others).toEqual([]);
    expect(patch).toMatchObject({ oldName: 'a/file.c', newName: 'b/file.c', kind: 'change' });
    expect(patch?.hunks.map((hunk) => hunk.lines)).toEqual([[' one', '-two', '+2', ' three']]);
    expect(patch?.hunkLines).toEqual([11]);
  });

  it('reads plain diffs with times, several files in one patch', () => {
    const text = `diff -ru linux.orig/a.c linux/a.c
--- linux.orig/a.c\t2024-01-01 00:00:00.000000000 +0000
+++ linux/a.c\t2024-01-02 00:00:00.000000000 +0000
${HUNK}Only in linux: notes
--- linux.orig/b.c\t2024-01-01
+++ linux/b.c\t2024-01-02
${HUNK}@@ -10 +10,2 @@ context
 ten
+eleven
`;
    const patches = readPatch(text, 'p');
    expect(patches.map((patch) => patch.oldName)).toEqual(['linux.orig/a.c', 'linux.orig/b.c']);
    expect(patches[1]?.hunks).toHaveLength(2);
  });

  it('knows new, removed and renamed files', () => {
    const text = `diff --git a/new.c b/new.c
new file mode 100644
--- /dev/null
+++ b/new.c
@@ -0,0 +1,1 @@
+line
diff --git a/empty.h b/empty.h
new file mode 100644
index 0000000..e69de29
diff --git a/old.c b/old.c
deleted file mode 100644
--- a/old.c
+++ /dev/null
@@ -1,1 +0,0 @@
-line
diff --git a/from.c b/to.c
similarity index 100%
rename from from.c
rename to to.c
`;
    expect(readPatch(text, 'p').map(({ oldName, newName }) => [oldName, newName])).toEqual([
      [undefined, 'b/new.c'],
      [undefined, 'b/empty.h'],
      ['a/old.c', undefined],
      ['a/from.c', 'b/to.c'],
    ]);
  });

  it('takes lines in a hunk that look like headers for what they are', () => {
    const text = '--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- old comment\n+++ new comment\n \n';
    const [patch] = readPatch(text, 'p');
    expect(patch?.hunks[0]?.lines).toEqual(['--- old comment', '+++ new comment', ' ']);
  });

  it('reads what mailers do: CR LF everywhere, blanks of empty context lines stripped', () => {
    const text = '--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n one\n\n-two\n+2\n';
    expect(readPatch(text, 'p')[0]?.hunks[0]?.lines).toEqual([' one', ' ', '-two', '+2']);
    expect(readPatch(text.replaceAll('\n', '\r\n'), 'p')).toEqual(readPatch(text, 'p'));
    const crlfSource = '--- a/x\n+++ b/x\n@@ -1,1 +1,1 @@\n-two\r\n+2\r\n';
    expect(readPatch(crlfSource, 'p')[0]?.hunks[0]?.lines).toEqual(['-two\r', '+2\r']);
  });

  it("decodes git's quoted names", () => {
    const text = `--- "a/caf\\303\\251.c"\n+++ "b/caf\\303\\251.c"\n${HUNK}`;
    expect(readPatch(text, 'p')[0]?.newName).toBe('b/café.c');
    // As it is in the file, one byte a character: without core.quotePath, and by diff.
    const plain = Buffer.from(`--- a/café.c\n+++ b/café.c\n${HUNK}`).toString('latin1');
    expect(readPatch(plain, 'p')[0]).toMatchObject({ oldName: 'a/café.c', newName: 'b/café.c' });
    const moved = 'rename from caf\xc3\xa9 1.c\nrename to "caf\\303\\251 2.c"\n';
    const git = `diff --git a/caf\xc3\xa9 1.c "b/caf\\303\\251 2.c"\nsimilarity index 100%\n${moved}`;
    expect(readPatch(git, 'p')[0]).toMatchObject({ oldName: 'a/café 1.c', newName: 'b/café 2.c' });
    // No UTF-8: a tree of another time.
    expect(readPatch(`--- a/caf\xe9.c\n+++ b/caf\xe9.c\n${HUNK}`, 'p')[0]?.newName).toBe(
      'b/caf\xe9.c',
    );
  });

  it.each([
    ['', 'patch-failed: p holds no patch'],
    ['just words\n', 'patch-failed: p holds no patch'],
    [
      `--- a/x\n+++ b/x\n${HUNK.slice(0, -8)}`,
      'patch-failed: p:7: the hunk that begins in line 3 is cut off',
    ],
    [
      `--- a/x\n+++ b/x\n`,
      'patch-failed: p:3: this is no header of a hunk: "@@ -LINE,COUNT +LINE,COUNT @@"',
    ],
    [
      `--- a/x\n+++ b/x\n${HUNK.replace(' @@', '@@')}`,
      'patch-failed: p:3: this is no header of a hunk: "@@ -LINE,COUNT +LINE,COUNT @@"',
    ],
    [
      `--- a/x\n+++ b/x\n${HUNK}@@ -9,3 +9,3\n one\n-two\n+2\n three\n`,
      'patch-failed: p:8: this is no header of a hunk: "@@ -LINE,COUNT +LINE,COUNT @@"',
    ],
    [`Words\n${HUNK}`, 'patch-failed: p:2: this line of a diff belongs to no file or hunk'],
    [
      `--- a/x\n+++ b/x\n${HUNK}X@ -9,3 +9,3 @@\n one\n-two\n`,
      'patch-failed: p:10: this line of a diff belongs to no file or hunk',
    ],
    [
      `--- a/x\n+++ b/x\n${HUNK}\n+++ b/y\n`,
      'patch-failed: p:9: this line of a diff belongs to no file or hunk',
    ],
    [
      `--- a/x\n+++ b/x\n${HUNK.replace(' three', '+three\n three')}`,
      'patch-failed: p:8: the hunk that begins in line 3 does not have the number of lines that its header says',
    ],
    [
      `--- a/x\n+++ b/x\n${HUNK} four\n`,
      'patch-failed: p:8: the hunk that begins in line 3 does not have the number of lines that its header says',
    ],
    [
      `--- a/x\n+++ b/x\n${HUNK.replace(' one', '\\ no')}`,
      'patch-failed: p:4: a line of a hunk begins with a backslash',
    ],
    ['--- a/x\n+++ b/x\n@@ -1,0 +1,0 @@\n', 'patch-failed: p:3: the hunk has no lines'],
    [
      'diff --git a/x b/x\nindex 123..456 100644\n',
      'patch-failed: p:1: no change of the file follows',
    ],
    [
      `diff --git a/x b/x\nindex 123..456\n--- a/y\n+++ b/x\n${HUNK}`,
      'patch-failed: p:3: this is another file than in the line "diff --git"',
    ],
    [`diff --git a/x b/x\n--- a/x\n${HUNK}`, 'patch-failed: p:3: a line "+++ FILE" must be here'],
    [
      'diff --git a/x b/y\nsimilarity index 100%\nrename from x\n',
      'patch-failed: p:1: the rename of a file lacks one of its names',
    ],
    [
      'diff --git a/x b/y\nsimilarity index 100%\nrename from x\ncopy to y\n',
      'patch-failed: p:4: this contradicts the lines above',
    ],
    [
      `--- a/x\n+++ b/x\n${HUNK}similarity index 100%\nrename from y\nrename to z\n`,
      'patch-failed: p:8: a line of git stands without its "diff --git"',
    ],
    [
      'diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1,1 -1,1 +1,1 @@@\n++one\n',
      'patch-failed: p:1: this is a combined diff of a merge, a form that is not supported',
    ],
    [
      '*** a/x\n--- b/x\n***************\n*** 1 ****\n! two\n--- 1 ----\n! 2\n',
      'patch-failed: p:3: this is a context diff, a form that is not supported',
    ],
    [
      `From: A\nContent-Transfer-Encoding: quoted-printable\n\n--- a/x\n+++ b/x\n${HUNK}`,
      'patch-failed: p:2: this is a mail whose text is encoded, a form that is not supported',
    ],
  ])('refuses %j', (text, message) => {
    expect(codeOf(() => readPatch(text, 'p'))).toBe(message);
  });

  it('reads several commits in one file, with lists in their words', () => {
    const commit = (name: string) =>
      `From 0123abcd Mon Sep 17 00:00:00 2001\nSubject: mend\n\n- one\n+ two\n---\n ${name} | 1 +\n\ndiff --git a/${name} b/${name}\nindex 12..34 100644\n--- a/${name}\n+++ b/${name}\n${HUNK}-- \n2.39.5\n\n`;
    const show = `commit 0123abcd\nAuthor: A\n\n    - list\n\n--- a/z\n+++ b/z\n${HUNK}`;
    const patches = readPatch(commit('x') + commit('y') + show, 'p');
    expect(patches.map(({ newName }) => newName)).toEqual(['b/x', 'b/y', 'b/z']);
  });

  it('takes two names without a move for one file that has two names', () => {
    const text = `diff --git a/old/x.c b/new/x.c\nindex 12..34\n--- a/old/x.c\n+++ b/new/x.c\n${HUNK}`;
    expect(readPatch(text, 'p')[0]).toMatchObject({ kind: 'change', oldName: 'a/old/x.c' });
  });

  it.each([
    ['1970-01-01 00:00:00.000000000 +0000', true],
    ['1970-01-01 01:00:00.000000000 +0100', true],
    ['1969-12-31 19:00:00 -0500', true],
    ['Thu Jan  1 00:00:00 1970', true],
    ['1970-01-01 00:00:00.000000000 +0100', false],
    ['2024-02-03 04:05:06.000000000 +0000', false],
    ['(working copy)', false],
  ])('a file that is empty, with the time %s, is gone: %s', (time, removes) => {
    const text = `--- a/x y.c\t2024-01-01 00:00:00 +0000\n+++ b/x y.c\t${time}\n@@ -1 +0,0 @@\n-x\n`;
    expect(readPatch(text, 'p')[0]).toMatchObject({ newName: 'b/x y.c', creates: false, removes });
  });

  it.each([
    ['a/x.c 2024-01-01 00:00:00 +0000', 'a/x.c'],
    ['a/x.c Thu Jan  4 00:00:00 2024', 'a/x.c'],
    ['a/x.c\t(revision 12)', 'a/x.c'],
    ['"a/tab\\there\\"s.c"', 'a/tab\there"s.c'],
  ])('the name in %j is %j', (line, name) => {
    expect(readPatch(`--- ${line}\n+++ ${line}\n${HUNK}`, 'p')[0]?.oldName).toBe(name);
  });

  it('knows what is no text', () => {
    const text = `diff --git a/logo.png b/logo.png
index 123..456 100644
GIT binary patch
literal 3
KcmWIYbaKAa@}

literal 0
HcmV?d00001

diff --git a/link b/link
index 123..456 120000
--- a/link
+++ b/link
@@ -1 +1 @@
-here
\\ No newline at end of file
+there
\\ No newline at end of file
Binary files a/fw.bin and b/fw.bin differ
`;
    expect(readPatch(text, 'p').map(({ newName, special }) => [newName, special])).toEqual([
      ['b/logo.png', 'binary file'],
      ['b/link', 'symbolic link'],
      ['b/fw.bin', 'binary file'],
    ]);
  });

  it('reads patches that were joined, words, line ends and all', () => {
    const plain = `--- a/x\n+++ b/x\n${HUNK}`;
    const words = `Subject: mend\n\n- a list\n${plain.replaceAll('/x', '/y')}`;
    const all = joinPatches([plain.trimEnd(), words.replaceAll('\n', '\r\n'), plain]);
    expect(readPatch(all, 'p').map(({ newName }) => newName)).toEqual(['b/x', 'b/y', 'b/x']);
    expect(readPatch(joinPatches([plain]), 'p')).toEqual(readPatch(plain, 'p'));
  });

  it('reads what is written of files, empty ones included', () => {
    const texts = { before: 'old\n', after: 'new\n' };
    const files = [
      { path: 'a.c', kind: 'source', ...texts },
      { path: 'new.h', kind: 'included', before: undefined, after: '' },
      { path: 'gone.h', kind: 'included', before: '', after: undefined },
    ] as const;
    const patches = readPatch(unifiedDiff(files), 'p');
    expect(patches.map(({ oldName, newName }) => [oldName, newName])).toEqual([
      ['a/a.c', 'b/a.c'],
      [undefined, 'b/new.h'],
      ['a/gone.h', undefined],
    ]);
  });

  it('reads what other tools make of git: its lines with a plain diff, names with one prefix', () => {
    const plain = `diff -r -u x x\nnew file mode 100644\nindex 123..456\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n`;
    const prefix = `diff --git y y\nindex 123..456 100644\n--- a/y\n+++ b/y\n${HUNK}`;
    const names = readPatch(plain + prefix, 'p').map(({ oldName, newName }) => [oldName, newName]);
    expect(names).toEqual([
      [undefined, 'b/x'],
      ['a/y', 'b/y'],
    ]);
  });

  it('refuses a part that a mail program has indented or quoted, and passes such words by', () => {
    const part = (name: string) => `--- a/${name}\n+++ b/${name}\n${HUNK}`;
    const moved = (mark: string) => part('y').replaceAll(/^/gm, mark);
    for (const mark of ['> ', '\t', '    ', '| ']) {
      expect(codeOf(() => readPatch(`${part('x')}\n${moved(mark)}`, 'p'))).toBe(
        'patch-failed: p:11: this hunk is indented or quoted',
      );
    }
    const mail = `From 1234567 Mon Sep 17 00:00:00 2001\nSubject: x\n\n${moved('    ')}\n---\n${part('x')}`;
    expect(readPatch(mail, 'p')).toHaveLength(1);
  });

  it('reads UTF-8 with a mark, and refuses UTF-16', () => {
    const text = `--- a/x\n+++ b/x\n${HUNK}`;
    expect(readPatch(`\xef\xbb\xbf${text}`, 'p')).toEqual(readPatch(text, 'p'));
    const wide = Buffer.from(`\ufeff${text}`, 'utf16le').toString('latin1');
    expect(codeOf(() => readPatch(wide, 'p'))).toBe('patch-failed: p:1: the text is UTF-16');
  });
});
