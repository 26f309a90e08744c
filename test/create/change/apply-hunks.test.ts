import { describe, expect, it } from 'vitest';
import { applyHunks } from '../../../src/create/change/apply-hunks.js';
import { readPatch } from '../../../src/create/change/parse-patch.js';

function hunksOf(text: string) {
  return readPatch(`--- a/x\n+++ b/x\n${text}`, 'p')[0]?.hunks ?? [];
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('');

const CHANGE_10 = `@@ -8,5 +8,5 @@
 line 8
 line 9
-line 10
+ten
 line 11
 line 12
`;

describe('applyHunks', () => {
  it('applies at the place that the hunk names', () => {
    const { text, hunks } = applyHunks(numbered(1, 20), hunksOf(CHANGE_10));
    expect(text).toBe(numbered(1, 20).replace('line 10\n', 'ten\n'));
    expect(hunks).toEqual([
      { number: 1, applied: true, line: 8, offset: 0, fuzz: 0, alreadyThere: false },
    ]);
  });

  it('finds a hunk that moved, and expects the next one to have moved alike', () => {
    const source = `new 1\nnew 2\n${numbered(1, 30)}`;
    const second = '@@ -20,1 +20,2 @@\n line 20\n+inserted\n';
    const { text, hunks } = applyHunks(source, hunksOf(CHANGE_10 + second));
    expect(hunks.map(({ offset }) => offset)).toEqual([2, 2]);
    expect(text).toContain('line 20\ninserted\nline 21');
  });

  it('takes the nearest of several places', () => {
    const block = 'a\nb\nc\n';
    const { text } = applyHunks(
      `${block}${numbered(1, 10)}${block}`,
      hunksOf('@@ -12,3 +12,3 @@\n a\n-b\n+B\n c\n'),
    );
    expect(text).toBe(`${block}${numbered(1, 10)}a\nB\nc\n`);
  });

  it('ignores up to two lines of context at the ends, and keeps what the file has there', () => {
    const source = numbered(1, 20)
      .replace('line 8\n', 'other 8\n')
      .replace('line 12\n', 'other 12\n');
    const { text, hunks } = applyHunks(source, hunksOf(CHANGE_10));
    expect(hunks[0]).toMatchObject({ applied: true, fuzz: 1, offset: 0 });
    expect(text).toBe(source.replace('line 10\n', 'ten\n'));
  });

  it('never lets a line that is removed differ', () => {
    const source = numbered(1, 20).replace('line 10\n', 'other 10\n');
    const { text, hunks } = applyHunks(source, hunksOf(CHANGE_10));
    expect(hunks[0]).toMatchObject({ applied: false, alreadyThere: false });
    expect(text).toBe(source);
  });

  it('says of a failed hunk that its change is there already', () => {
    const done = applyHunks(numbered(1, 20), hunksOf(CHANGE_10)).text;
    expect(applyHunks(done, hunksOf(CHANGE_10)).hunks[0]).toMatchObject({
      applied: false,
      alreadyThere: true,
    });
  });

  it('goes on after a hunk that fails', () => {
    const bad = '@@ -2,1 +2,1 @@\n-nothing like it\n+x\n';
    const { text, hunks } = applyHunks(numbered(1, 20), hunksOf(bad + CHANGE_10));
    expect(hunks.map(({ applied }) => applied)).toEqual([false, true]);
    expect(text).toContain('ten');
  });

  it('does not put a later hunk before an earlier one', () => {
    const source = 'x\ny\nx\n';
    const two = '@@ -3,1 +3,1 @@\n-x\n+first\n@@ -4,1 +4,1 @@\n-x\n+second\n';
    expect(applyHunks(source, hunksOf(two)).hunks.map(({ applied }) => applied)).toEqual([
      true,
      false,
    ]);
  });

  it.each([
    [
      'keeps a missing newline',
      'a\nb',
      '@@ -1,2 +1,2 @@\n-a\n+A\n b\n\\ No newline at end of file\n',
      'A\nb',
    ],
    [
      'adds a newline',
      'a\nb',
      '@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n',
      'a\nb\n',
    ],
    [
      'removes a newline',
      'a\nb\n',
      '@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n',
      'a\nb',
    ],
    ['writes a new file', '', '@@ -0,0 +1,2 @@\n+a\n+b\n', 'a\nb\n'],
    ['empties a file', 'a\nb\n', '@@ -1,2 +0,0 @@\n-a\n-b\n', ''],
  ])('%s', (_, source, hunk, expected) => {
    const { text, hunks } = applyHunks(source, hunksOf(hunk));
    expect(hunks.every(({ applied }) => applied)).toBe(true);
    expect(text).toBe(expected);
  });
});
