import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { filesWithExtension } from '../../../src/create/change/diffext.js';

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'ksplice-diffext-'));
  for (const path of ['net/a.c', 'net/b.h', 'kernel/c.c']) put(path, 'one\n');
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text, 'latin1');
}

const find = (extension: string) => filesWithExtension(tree, extension, silentUi);

describe('filesWithExtension', () => {
  it('compares new versions with their originals', () => {
    put('net/a.c.new', 'zwei \xe9\n');
    put('net/b.h.new', 'one\n');
    put('kernel/c.c.new', 'deux\n');
    put('.git/x.new', 'no source');
    const before = readdirSync(tree, { recursive: true });
    expect(find('.new')).toEqual([
      { path: 'kernel/c.c', kind: 'source', before: 'one\n', after: 'deux\n' },
      { path: 'net/a.c', kind: 'source', before: 'one\n', after: 'zwei \xe9\n' },
    ]);
    expect(readdirSync(tree, { recursive: true })).toEqual(before);
  });

  it('takes any ending, with a dot or without', () => {
    put('net/a.c~', 'two\n');
    put('net/b.h-fixed', 'two\n');
    expect(find('~').map(({ path }) => path)).toEqual(['net/a.c']);
    expect(find('-fixed').map(({ path }) => path)).toEqual(['net/b.h']);
  });

  it.each([
    ['.new', 'patch-failed', /no file in .* ends in \.new/],
    ['.c', 'patch-failed', /no original beside kernel\/c\.c, net\/a\.c/],
    ['', 'usage', /not the end of a file name/],
    ['c/x', 'usage', /not the end of a file name/],
  ])('refuses %j', (extension, code, message) => {
    expect(() => find(extension)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('says that nothing differs', () => {
    put('net/a.c.new', 'one\n');
    expect(() => find('.new')).toThrow(expect.objectContaining({ code: 'no-changes' }));
  });
});
