import { describe, expect, it } from 'vitest';
import { readPatch } from '../../src/create/parse-patch.js';
import { KspliceError } from '../../src/errors.js';

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
    expect(patch).toMatchObject({ oldName: 'a/file.c', newName: 'b/file.c', git: true });
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
    expect(patches[1]?.git).toBe(false);
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
    expect(Buffer.from(readPatch(text, 'p')[0]?.newName ?? '', 'latin1').toString()).toBe(
      'b/café.c',
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
      'diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 3\n',
      'patch-failed: p changes a binary file: b/x',
    ],
    [
      `--- a/y\n+++ b/y\n${HUNK}Binary files a/x.fw and b/x.fw differ\n`,
      'patch-failed: p changes a binary file: b/x.fw',
    ],
  ])('refuses %j', (text, message) => {
    expect(codeOf(() => readPatch(text, 'p'))).toBe(message);
  });
});
