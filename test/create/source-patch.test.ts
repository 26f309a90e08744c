import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kindOf, loadPatch } from '../../src/create/source-patch.js';
import { KspliceError } from '../../src/errors.js';
import { silentUi } from '../../src/ui.js';

let area: string;
beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-patch-'));
  put('tree/net/a.c', 'one\ntwo\nthree\n');
  put('tree/net/b.c', 'one\ntwo\nthree\n');
});
afterEach(() => rmSync(area, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(area, path)), { recursive: true });
  writeFileSync(join(area, path), text, 'latin1');
}

function load(patch: string) {
  put('p.patch', patch);
  return loadPatch(join(area, 'p.patch'), join(area, 'tree'), silentUi);
}

const change = (name: string, from = 'two', to = '2') =>
  `--- ${name}\n+++ ${name}\n@@ -1,3 +1,3 @@\n one\n-${from}\n+${to}\n three\n`;

function failure(patch: string): KspliceError {
  try {
    load(patch);
  } catch (error) {
    if (error instanceof KspliceError) return error;
    throw error;
  }
  throw new Error('the patch applied');
}

describe('loadPatch', () => {
  it.each(['a/net/a.c', 'net/a.c', 'x/y/net/a.c', './net/a.c', 'linux-6.1/net/a.c'])(
    'finds out how many directories to strip of %s',
    (name) => {
      expect(load(change(name))).toEqual([
        { path: 'net/a.c', kind: 'source', before: 'one\ntwo\nthree\n', after: 'one\n2\nthree\n' },
      ]);
    },
  );

  it('writes nothing', () => {
    load(change('a/net/a.c'));
    expect(readFileSync(join(area, 'tree/net/a.c'), 'utf8')).toBe('one\ntwo\nthree\n');
  });

  it('applies several parts to one file, one after the other', () => {
    const [file, ...others] = load(change('a/net/a.c') + change('a/net/a.c', '2', '22'));
    expect(file?.after).toBe('one\n22\nthree\n');
    expect(others).toEqual([]);
  });

  it('keeps bytes of any encoding', () => {
    put('tree/net/a.c', 'one\ntwo \xe9\nthree\n');
    expect(
      load(Buffer.from(change('a/net/a.c', 'two \xe9', '\xfc'), 'latin1').toString('latin1'))[0]
        ?.after,
    ).toBe('one\n\xfc\nthree\n');
  });

  it('reports every hunk that fails, in every file', () => {
    const error = failure(change('a/net/a.c', 'zwei') + change('a/net/b.c', 'drei'));
    expect(error.code).toBe('patch-failed');
    const patch = join(area, 'p.patch');
    expect(error.details).toEqual([
      `net/a.c:1: hunk 1 of 1 (${patch}:3) does not fit`,
      `net/b.c:1: hunk 1 of 1 (${patch}:10) does not fit`,
    ]);
  });

  it('says when the source has the change already', () => {
    put('tree/net/a.c', 'one\n2\nthree\n');
    expect(failure(change('a/net/a.c'))).toMatchObject({
      advice: expect.stringContaining('has the change already'),
    });
  });

  it('refuses files that are not there, and names that lead out of the tree', () => {
    put('outside.c', 'one\ntwo\nthree\n');
    expect(failure(change('a/net/none.c')).message).toContain('the source tree lacks');
    expect(failure(change('a/../outside.c')).code).toBe('patch-failed');
    expect(failure(change('/../../outside.c')).code).toBe('patch-failed');
  });

  it('moves and creates files', () => {
    const files = load(`diff --git a/net/a.c b/net/c.c
rename from net/a.c
rename to net/c.c
diff --git a/net/new.h b/net/new.h
new file mode 100644
--- /dev/null
+++ b/net/new.h
@@ -0,0 +1 @@
+int x;
`);
    expect(files).toEqual([
      { path: 'net/a.c', kind: 'source', before: 'one\ntwo\nthree\n', after: undefined },
      { path: 'net/c.c', kind: 'source', before: undefined, after: 'one\ntwo\nthree\n' },
      { path: 'net/new.h', kind: 'included', before: undefined, after: 'int x;\n' },
    ]);
  });

  it('says which file cannot be read', () => {
    expect(() => loadPatch(join(area, 'none'), area, silentUi)).toThrow(/cannot read the patch/);
  });
});

describe('kindOf', () => {
  it.each([
    ['net/sctp/input.c', 'source'],
    ['arch/x86/entry/entry_64.S', 'source'],
    ['arch/x86/entry/syscalls/syscall_64.tbl', 'included'],
    ['include/net/sctp/sctp.h', 'included'],
    ['net/sctp/Makefile', 'rules'],
    ['net/Kconfig.debug', 'rules'],
    ['arch/x86/kernel/vmlinux.lds.S', 'rules'],
    ['arch/arm64/kernel/setup.c', 'other'],
    ['Documentation/x.c', 'other'],
    ['tools/objtool/check.c', 'other'],
    ['MAINTAINERS', 'other'],
  ])('%s is %s', (path, kind) => {
    expect(kindOf(path)).toBe(kind);
  });
});
