// Which files are joined to one patch: chosen by what compilers say, word for word.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { changedNames, complaintsIn, fileFor, filesFor, groupName, includedBy } from './groups.js';
import { allChanged, writeGroup } from './patches.js';

describe('what the compiler misses', () => {
  const names = (...lines: string[]) =>
    complaintsIn(lines).map(({ names: sure, around }) => [...sure, ...around]);
  const error = (text: string) => `net/x.c:12:4: error: ${text}`;

  it('is named, the surest word first', () => {
    const said: [string, string[]][] = [
      ["'struct foo' has no member named 'neu'; did you mean 'new'?", ['neu', 'foo']],
      ["'const struct foo' has no member named 'neu'", ['neu', 'foo']],
      ["'FOO_MAX' undeclared (first use in this function); did you mean 'FOO_MIN'?", ['FOO_MAX']],
      ["'LIMIT' undeclared here (not in a function)", ['LIMIT']],
      ["implicit declaration of function 'two' [-Wimplicit-function-declaration]", ['two']],
      ["too few arguments to function 'two'", ['two']],
      ["too few arguments to function 'two'; expected 3, have 2", ['two']],
      ["passing argument 1 of 'two' from incompatible pointer type", ['two']],
      ["conflicting types for 'two'; have 'int(struct foo *)'", ['two']],
      ["unknown type name 'newtype_t'", ['newtype_t']],
      ["invalid use of undefined type 'struct bar'", ['bar']],
      ['macro "M3" requires 3 arguments, but only 2 given', ['M3']],
    ];
    for (const [text, wanted] of said) expect(names(error(text))).toEqual([wanted]);
  });

  it('is the event of which a macro makes the function', () => {
    const text = "implicit declaration of function 'trace_foo_happened'";
    expect(complaintsIn([error(text)])[0]?.names).toEqual(['trace_foo_happened', 'foo_happened']);
  });

  it('is a member, if a note below says for what a value was', () => {
    const [complaint] = complaintsIn([
      "net/x.c:4:36: error: initialization of 'int (*)(void)' from incompatible pointer type 'int (*)(int)'",
      '    4 | struct ops o = { .run = two, .go = go };',
      '      |                                    ^~',
      "net/x.c:4:36: note: (near initialization for 'o.go')",
    ]);
    expect(complaint).toMatchObject({ names: ['go'], around: ['ops', 'run', 'go'] });
  });

  it('may be what the line that is shown uses', () => {
    const line = '  353 |   atomic64_sub(size, &(set)->ext_size);';
    const text = "passing argument 2 of 'atomic64_sub' from incompatible pointer type";
    const [complaint] = complaintsIn([error(text), line]);
    expect(complaint).toMatchObject({ names: ['atomic64_sub'], around: ['ext_size'] });
    const shown = ['   18 |   struct incomplete v;', '      |                     ^'];
    expect(names(error("storage size of 'v' isn't known"), ...shown)).toEqual([
      ['v', 'incomplete'],
    ]);
  });

  it('has the places where the notes of the same error see it declared', () => {
    const complaints = complaintsIn([
      error("too few arguments to function 'two'"),
      'include/x.h:2:5: note: declared here',
      '    2 | int two(struct foo *f, int b);',
      'net/x.c:16:10: error: macro "M3" requires 3 arguments, but only 2 given',
      'include/y.h:5:9: note: macro "M3" defined here',
      'net/x.c:10:12: note: each undeclared identifier is reported only once for each function it appears in',
      "net/x.c:21:5: error: conflicting types for 'two'; have 'int(struct foo *)'",
      "include/z.h:2:5: note: previous declaration of 'two' with type 'int(struct foo *, int)'",
      "net/x.c:14:7: warning: unused variable 'q'",
    ]);
    expect(complaints.map(({ places }) => places)).toEqual([
      ['net/x.c', 'include/x.h'],
      ['net/x.c', 'include/y.h'],
      ['net/x.c', 'include/z.h'],
    ]);
  });

  it('may be a whole header', () => {
    const line = 'net/x.c:1:10: fatal error: linux/new.h: No such file or directory';
    expect(complaintsIn([line])).toEqual([
      { places: ['net/x.c'], names: [], around: [], header: 'linux/new.h' },
    ]);
  });
});

describe('the file that brings it', () => {
  const file = (path: string, ...names: string[]) => ({
    path,
    names: new Set(names),
    gone: new Set<string>(),
  });
  const near = [
    file('include/net/a.h', 'neu', 'foo'),
    file('net/core/a.h', 'neu'),
    file('net/sctp/a.c', 'neu', 'only_here'),
    file('include/linux/new.h'),
    file('net/sctp/new.h', 'foo'),
  ];
  const all = () => true;
  const chosen = (names: string[], isFree: (path: string) => boolean = all) =>
    fileFor({ places: ['net/core/x.c'], names }, near, (path) =>
      path === 'net/core/x.c' ? false : isFree(path),
    );

  it('is a header before a source file, and a near one before others', () => {
    expect(chosen(['neu'])).toBe('net/core/a.h');
    expect(chosen(['only_here'])).toBe('net/sctp/a.c');
    expect(chosen(['nothing'])).toBeUndefined();
  });

  it('is none that the group has already', () => {
    expect(chosen(['neu'], (path) => path !== 'net/core/a.h')).toBe('include/net/a.h');
  });

  it('is looked for by the surest name first', () => {
    expect(chosen(['only_here', 'neu'])).toBe('net/sctp/a.c');
    expect(chosen(['nothing', 'neu'])).toBe('net/core/a.h');
  });

  it('is chosen by what is around only if there is nothing better for any complaint', () => {
    const places = ['net/core/x.c'];
    const [vague, sure] = [
      { places, names: ['nothing'], around: ['foo'] },
      { places, names: ['only_here'], around: ['neu'] },
    ];
    const isFree = (path: string) => path !== 'net/core/x.c';
    expect(filesFor([vague, sure], near, isFree)).toEqual(['net/sctp/a.c']);
    expect(filesFor([vague], near, isFree)).toEqual(['net/sctp/new.h']);
  });

  it('is the one from which a type has gone to another, if no one has it', () => {
    const from = { ...file('net/core/old.h'), gone: new Set(['moved']) };
    const complaint = { places: ['net/core/x.c'], names: ['nothing'], around: ['moved'] };
    const isFree = (path: string) => path !== 'net/core/x.c';
    expect(filesFor([complaint], [...near, from], isFree)).toEqual(['net/core/old.h']);
  });

  it('is the one where the compiler was, if that has a change of its own', () => {
    const complaint = { places: ['net/core/user.c', 'include/net/a.h'], names: ['neu'] };
    expect(fileFor(complaint, near, all)).toBe('net/core/user.c');
    const notUser = (path: string) => path !== 'net/core/user.c';
    expect(fileFor(complaint, near, notUser)).toBe('include/net/a.h');
  });

  it('is the header of that name', () => {
    const of = (header: string) =>
      fileFor({ places: ['net/sctp/x.c'], names: [], header }, near, all);
    expect(of('linux/new.h')).toBe('include/linux/new.h');
    expect(of('new.h')).toBe('net/sctp/new.h');
    expect(of('../gone.h')).toBeUndefined();
  });
});

describe('the names of a diff', () => {
  const diff = [
    '--- a/net/x.h',
    '+++ b/net/x.h',
    '@@ -1,3 +1,4 @@ struct before {',
    ' \tint kept;',
    '-\tint gone;',
    '+\tint added; /* why */',
    '+static int defined(void)',
    '\\ No newline at end of file',
  ].join('\n');

  it('are those of new lines', () => {
    const { names, gone } = changedNames('net/x.h', diff);
    expect([...gone]).toEqual(['int', 'gone']);
    expect([...names]).toEqual(['int', 'added', 'why', 'static', 'defined', 'void']);
  });

  it('are those of definitions, where only these count', () => {
    expect([...changedNames('net/x.h', diff, true).names]).toEqual([
      'static',
      'int',
      'defined',
      'void',
    ]);
  });
});

it('finds changed files by the lines that include them', () => {
  const text = '#include <net/a.h>\n# include "../b.h"\n// c.h\n#include "ab.h"\n';
  const changed = ['include/net/a.h', 'net/b.h', 'net/c.h', 'net/xab.h', 'lib/a.h'];
  expect(includedBy(text, changed)).toEqual(['include/net/a.h', 'net/b.h']);
});

it('calls a group by its first file', () => {
  expect(groupName(['net/a.c'])).toBe('net/a.c');
  expect(groupName(['net/a.c', 'net/a.h', 'net/b.c'])).toBe('net/a.c and 2 more');
});

describe('the patch of a group', () => {
  let folder: string;
  const put = (tree: string, path: string, text: string) => {
    const file = join(folder, tree, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, 'latin1');
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ksplice-groups-'));
    for (const path of ['mm/a.c', 'mm/b.h', 'mm/same.h', 'mm/gone.h', 'tools/e.h']) {
      put('from', path, 'int a;\nint b;\n');
      if (path !== 'mm/gone.h') {
        put('to', path, path === 'mm/same.h' ? 'int a;\nint b;\n' : 'int a;\nint c;');
      }
    }
    put('to', 'include/linux/new.h', 'int J\xf6rg;\n');
    put('to', 'mm/new.c', 'int n;\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('may have what differs and new headers; new source files would need build rules', async () => {
    const changed = await allChanged(join(folder, 'from'), join(folder, 'to'));
    expect([...changed].sort()).toEqual(['include/linux/new.h', 'mm/a.c', 'mm/b.h']);
  });

  it('makes all its files of the older ones', async () => {
    const paths = ['mm/a.c', 'include/linux/new.h', 'mm/b.h'] as const;
    const trees = [join(folder, 'from'), join(folder, 'to')] as const;
    const patch = await writeGroup(paths, ...trees, join(folder, 'patches'));
    expect(patch).toMatchObject({ path: 'mm/a.c', place: 'groups/mm/a.c/3' });
    const files = loadPatch(patch.file, trees[0], silentUi);
    expect(files.map(({ path }) => path).sort()).toEqual([...paths].sort());
    for (const { path, after } of files) {
      expect(after).toBe(readFileSync(join(trees[1], path), 'latin1'));
    }
  });
});
