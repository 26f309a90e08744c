import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KspliceError } from '../../../src/base/errors.js';
import { silentUi } from '../../../src/base/ui.js';
import { readPatchOptions } from '../../../src/create/change/patch-options.js';
import { kindOf } from '../../../src/create/change/patched-file.js';
import { loadPatch, loadPatches } from '../../../src/create/change/source-patch.js';

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

const failure = (patch: string) => catchFailure(() => load(patch));

function catchFailure(work: () => unknown): KspliceError {
  try {
    work();
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

  it("takes a patch of the kernel for a module's directory, but strips no more in a kernel", () => {
    const patch = change('a/drivers/net/ethernet/some/net/a.c');
    expect(load(patch)[0]?.path).toBe('net/a.c');
    put('tree/init/main.c', '');
    expect(failure(patch).code).toBe('patch-failed');
  });

  it.each(['net/ä.c', '"net/\\303\\244.c"'])('finds a file whose name is not ASCII: %s', (name) => {
    put('tree/net/ä.c', 'one\ntwo\nthree\n');
    // The patch is written as bytes.
    const bytes = Buffer.from(change(name)).toString('latin1');
    expect(load(bytes)[0]).toMatchObject({ path: 'net/ä.c', after: 'one\n2\nthree\n' });
    expect(failure(Buffer.from(change(name, 'zwei')).toString('latin1')).message).toContain(
      '\n  net/ä.c:1: hunk 1 of 1 (',
    );
  });

  it('says that a hunk was given before', () => {
    put('first.patch', change('net/a.c'));
    const second = `From: x\n\n${change('net/a.c')}`;
    put('second.patch', second);
    const files = ['first', 'second'].map((name) => join(area, `${name}.patch`));
    const twice = catchFailure(() =>
      loadPatches(files, join(area, 'tree'), readPatchOptions([]), silentUi),
    );
    expect(twice.message).toBe(
      `${files[1]} does not apply:\n  net/a.c:1: hunk 1 of 1 (${files[1]}:5) is the same as hunk 1 of ${files[0]}:3, applied before it`,
    );
    expect(twice.advice).toContain('given twice');
    expect(failure(change('net/a.c') + change('net/a.c'))).toMatchObject({
      message: expect.stringContaining('is the same as hunk 1 of'),
      advice: twice.advice,
    });
    const made = '--- /dev/null\n+++ b/net/new.c\n@@ -0,0 +1 @@\n+x\n';
    expect(failure(made + made)).toMatchObject({
      message: expect.stringMatching(
        /creates this file, but it exists: hunk 1 of .*:3 has made it/,
      ),
      advice: twice.advice,
    });
  });

  it('says of a file that it is gone, and not that the change is applied', () => {
    const removal = '--- a/net/b.c\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-one\n-two\n-three\n';
    for (const after of [change('a/net/b.c'), change('a/net/b.c') + change('a/net/a.c')]) {
      const error = failure(removal + after);
      expect(error.message).toContain('net/b.c is not there any more: a change before this patch');
      expect(error.advice).toContain('against the source with all changes before it');
    }
    expect(failure(removal + removal).message).toContain('net/b.c is removed already');
    // Nothing is left where it would be taken away: that is no sign of anything.
    const other = failure(removal.replace('-two', '-zwei'));
    expect(other.message).toContain('does not fit');
    expect(other.message).not.toContain('applied already');
  });

  it('says of a file that the patch makes and that is the same that it is applied', () => {
    const creation = '--- /dev/null\n+++ b/net/b.c\n@@ -0,0 +1,3 @@\n+one\n+two\n+three\n';
    expect(failure(creation)).toMatchObject({
      message: expect.stringContaining('it is applied already'),
      advice: expect.stringContaining('has the change already'),
    });
  });

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
    expect(error.message).toBe(`${patch} does not apply: 2 problems`);
    const problem = (message: string) => ({
      code: 'patch-failed',
      message,
      advice: expect.stringContaining('against the source of the running kernel'),
    });
    expect(error.details).toEqual({
      problems: [
        problem(`net/a.c:1: hunk 1 of 1 (${patch}:3) does not fit`),
        problem(`net/b.c:1: hunk 1 of 1 (${patch}:10) does not fit`),
      ],
    });
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

  it('copies files, and moves files whose names have blanks', () => {
    put('tree/net/my file.c', 'm\n');
    const files = load(`diff --git a/net/a.c b/net/c.c
similarity index 90%
copy from net/a.c
copy to net/c.c
--- a/net/a.c
+++ b/net/c.c
@@ -1,3 +1,3 @@
 one
-two
+2
 three
diff --git a/net/my file.c b/net/your file.c
similarity index 100%
rename from net/my file.c
rename to net/your file.c
`);
    expect(files.map(({ path, after }) => [path, after])).toEqual([
      ['net/c.c', 'one\n2\nthree\n'],
      ['net/my file.c', undefined],
      ['net/your file.c', 'm\n'],
    ]);
  });

  it('finds the place of a new file by its directory', () => {
    const [file] = load('--- /dev/null\n+++ net/new.h\n@@ -0,0 +1 @@\n+x\n');
    expect(file?.path).toBe('net/new.h');
  });

  const created = (...names: string[]) =>
    `--- ${names[0]}\n+++ ${names.at(-1)}\n@@ -0,0 +1 @@\n+int x;\n`;

  it.each([
    ['beside a change', change('a/net/a.c') + created('a/net/new.h', 'b/net/new.h')],
    ['alone', created('a/net/new.h\t1970-01-01 00:00:00 +0000', 'b/net/new.h')],
    ['where it shall be', created('linux.orig/net/deep/new.h.orig', 'linux/net/new.h')],
  ])('makes a new file of a plain diff: %s', (_, patch) => {
    expect(load(patch).at(-1)).toMatchObject({ path: 'net/new.h', before: undefined });
  });

  it('makes no new file of one that exists, but fills an empty one', () => {
    expect(failure(created('a/net/a.c', 'b/net/a.c')).message).toContain('but it exists');
    put('tree/net/empty.h', '');
    expect(load(created('a/net/empty.h', 'b/net/empty.h'))[0]).toMatchObject({
      before: '',
      after: 'int x;\n',
    });
  });

  it.each([
    ['net/a.c.orig', 'net/a.c'],
    ['a/net/a.c', 'b/net/a.c.mine'],
    ['old/net/gone/a.c', 'new/net/a.c'],
  ])('takes the better name of %s and %s', (from, to) => {
    const text = change(from).replace(`+++ ${from}`, `+++ ${to}`);
    expect(load(text).map(({ path, after }) => [path, after])).toEqual([
      ['net/a.c', 'one\n2\nthree\n'],
    ]);
    put('tree/net/a.c.orig', 'one\ntwo\nthree\n');
    expect(load(text)).toHaveLength(1);
    expect(load(text)[0]?.path).toBe('net/a.c');
  });

  it('leaves out what is no text if it is no code, and refuses it otherwise', () => {
    const binary = (name: string) =>
      `diff --git a/${name} b/${name}\nindex 12..34\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n`;
    const said: string[] = [];
    put('p.patch', binary('Documentation/logo.gif') + change('a/net/a.c'));
    const ui = { ...silentUi, warn: (text: string) => said.push(text) };
    const files = loadPatch(join(area, 'p.patch'), join(area, 'tree'), ui);
    expect(files.map(({ path }) => path)).toEqual(['net/a.c']);
    expect(said).toEqual([
      'Documentation/logo.gif: a binary file, left out: it does not get into the kernel',
    ]);
    expect(failure(change('a/net/a.c') + binary('net/blob.h')).message).toMatch(
      /p\.patch:8: the patch changes a binary file: net\/blob\.h$/,
    );
  });

  it('says if white space is all that is wrong', () => {
    put('tree/net/tabs.c', '\tone\n\ttwo\n\tthree\n');
    const tabs =
      '--- a/net/tabs.c\n+++ b/net/tabs.c\n@@ -1,3 +1,3 @@\n         one\n-        two\n+        2\n         three\n';
    expect(failure(tabs)).toMatchObject({
      message: expect.stringMatching(/does not fit, except for white space$/),
      advice: expect.stringContaining('--patch-opt=-l'),
    });
    const both = failure(tabs + change('a/net/a.c', 'zwei'));
    expect(both.advice).not.toContain('-l');
    const advices = both.details?.problems?.map(({ advice }) => advice?.includes('--patch-opt=-l'));
    expect(advices).toEqual([true, false]);
  });

  it('says which sources a diff without -N lacks', () => {
    const said: string[] = [];
    put('p.patch', `Only in b/net: notes\nOnly in b/net: new.c\n${change('a/net/a.c')}`);
    const ui = { ...silentUi, warn: (text: string) => said.push(text) };
    expect(loadPatch(join(area, 'p.patch'), join(area, 'tree'), ui)).toHaveLength(1);
    expect(said).toEqual([expect.stringContaining('does not have b/net/new.c')]);
  });

  it('does not remove a file that holds something else', () => {
    const removal = '--- a/net/a.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n';
    expect(failure(removal).message).toContain('has another text');
  });

  it('says of a patch that takes back what it does, or changes modes, that nothing changes', () => {
    const both = change('a/net/a.c') + change('a/net/a.c', '2', 'two');
    expect(failure(both).code).toBe('no-changes');
    const mode = 'diff --git a/net/a.c b/net/a.c\nold mode 100644\nnew mode 100755\n';
    expect(failure(mode).code).toBe('no-changes');
  });

  it('says which file cannot be read', () => {
    expect(() => loadPatch(join(area, 'none'), area, silentUi)).toThrow(/cannot read the patch/);
  });
});

describe('loadPatches', () => {
  const ui = () => {
    const said: string[] = [];
    const ui = {
      ...silentUi,
      info: (text: string) => said.push(text),
      warn: (text: string) => said.push(`warning: ${text}`),
    };
    return { said, ui };
  };

  function loadAll(patches: readonly string[], options: readonly string[] = [], to = silentUi) {
    patches.forEach((text, i) => {
      put(`${i}.patch`, text);
    });
    const files = patches.map((_, i) => join(area, `${i}.patch`));
    return loadPatches(files, join(area, 'tree'), readPatchOptions(options), to);
  }

  it('applies each to the result of those before', () => {
    const made =
      'diff --git a/net/n.h b/net/n.h\nnew file mode 100644\n--- /dev/null\n+++ b/net/n.h\n@@ -0,0 +1 @@\n+x\n';
    const changed = '--- linux/net/n.h\n+++ linux/net/n.h\n@@ -1 +1 @@\n-x\n+y\n';
    const files = loadAll([made, change('net/a.c'), changed + change('x/net/a.c', '2', '22')]);
    expect(files.map(({ path, before, after }) => [path, before, after])).toEqual([
      ['net/n.h', undefined, 'y\n'],
      ['net/a.c', 'one\ntwo\nthree\n', 'one\n22\nthree\n'],
    ]);
  });

  it('names the patch that does not apply to that result', () => {
    expect(() => loadAll([change('a/net/a.c'), change('a/net/a.c')])).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('1.patch does not apply'),
        advice: expect.stringContaining('change is given twice'),
      }),
    );
  });

  it('takes patches back, moves and new files included', () => {
    put('tree/net/c.c', 'one\n2\nthree\n');
    const patch = `diff --git a/net/old.c b/net/c.c
rename from net/old.c
rename to net/c.c
--- a/net/old.c
+++ b/net/c.c
@@ -1,3 +1,3 @@
 one
-two
+2
 three
diff --git a/net/b.c b/net/b.c
new file mode 100644
--- /dev/null
+++ b/net/b.c
@@ -0,0 +1,3 @@
+one
+two
+three
`;
    const files = loadAll([patch], ['-R']);
    expect(Object.fromEntries(files.map(({ path, after }) => [path, after]))).toEqual({
      'net/c.c': undefined,
      'net/old.c': 'one\ntwo\nthree\n',
      'net/b.c': undefined,
    });
  });

  it('takes off as many directories as it is told', () => {
    const files = loadAll([change('x/y/net/a.c')], ['-p2']);
    expect(files.map(({ path }) => path)).toEqual(['net/a.c']);
    expect(() => loadAll([change('x/y/net/a.c')], ['-p1'])).toThrow(/y\/net\/a\.c: no such file/);
    expect(() => loadAll([change('net/a.c')], ['-p3'])).toThrow(/odd file name/);
  });

  it('ignores white space if it is told, and keeps what the file has', () => {
    put('tree/net/a.c', '\tone \ntwo\n  three\n');
    const patch = '--- a/net/a.c\n+++ b/net/a.c\n@@ -1,3 +1,3 @@\n  one\n-two\n+\t2\n \tthree\n';
    expect(() => loadAll([patch], ['-F0'])).toThrow(/does not fit/);
    expect(loadAll([patch], ['-F0', '-l'])[0]?.after).toBe('\tone \n\t2\n  three\n');
  });

  it('tells of offsets and fuzz, and allows as much fuzz as it is told', () => {
    put('tree/net/a.c', 'zero\nONE\ntwo\nthree\n');
    const { said, ui: listening } = ui();
    loadAll([change('a/net/a.c')], [], listening);
    loadAll(['--- a/net/a.c\n+++ b/net/a.c\n@@ -2,2 +2,2 @@\n-two\n+2\n three\n'], [], listening);
    expect(said).toEqual([
      'warning: net/a.c:1: hunk 1 of 1 was applied at an offset of 1 line with fuzz 1: check the result',
      'net/a.c:2: hunk 1 of 1 was applied at an offset of 1 line',
    ]);
    expect(() => loadAll([change('a/net/a.c')], ['--fuzz=0'])).toThrow(/does not fit/);
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
    ['drivers/tty/vt/defkeymap.c_shipped', 'included'],
    ['arch/x86/crypto/poly1305-x86_64-cryptogams.pl', 'included'],
    ['scripts/checkpatch.pl', 'other'],
    ['arch/arm64/kernel/setup.c', 'other'],
    ['Documentation/x.c', 'other'],
    ['tools/objtool/check.c', 'other'],
    ['MAINTAINERS', 'other'],
  ])('%s is %s', (path, kind) => {
    expect(kindOf(path)).toBe(kind);
  });
});
