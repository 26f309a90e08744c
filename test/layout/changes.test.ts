// What is said of a type that changes, for each kind of change: by objects of the compiler.

import { describe, expect, it } from 'vitest';
import { readBtf } from '../../src/btf/read.js';
import { compareTypes, type TypeChange } from '../../src/layout/changes.js';
import { compile } from './compile.js';

/** The file around declarations, in which everything is used. */
const file = (declarations: string, uses: string) =>
  `typedef _Bool bool;\nstruct other { int x; };\n${declarations}\n${uses}\n`;

function changes(before: string, after: string, uses = 'struct item *shelf[4];'): TypeChange[] {
  const types = (text: string) => {
    const object = compile(file(text, uses));
    return readBtf(object.section('.BTF')!.data, 'a.o');
  };
  return [...compareTypes(types(before), types(after)).changes];
}

/** Struct item before and after, by their members. */
const members = (before: string, after: string) =>
  changes(`struct item { ${before} };`, `struct item { ${after} };`);

describe('a struct', () => {
  it.each([
    ['the same', 'int a; long b;', 'int a; long b;'],
    ['another spelling of the same', 'unsigned a; const char *b;', 'unsigned int a; char *b;'],
    ['a named type for its base', 'unsigned int a;', 'const unsigned a;'],
    ['a new name in one without a name', 'struct { int x; } a;', 'struct { int z; } a;'],
    ['more of an enum without a name', 'enum { X } a;', 'enum { X, Y } a;'],
    ['the same bit-fields', 'int a:3; int b:5;', 'int a:3; int b:5;'],
  ])('is taken as it is: %s', (_, before, after) => {
    expect(members(before, after)).toEqual([]);
  });

  it.each([
    [
      'a member at its end',
      'long a;',
      'long a; long b;',
      /size grows from 8 to 16 bytes.*b is new, byte 8: existing objects do not have it/,
    ],
    ['a member in front', 'long a;', 'long n; long a;', /a moves from byte 0 to byte 8/],
    [
      'many that move',
      'int a; int b; int c;',
      'int n; int a; int b; int c;',
      /3 members move: a moves from byte 0 to byte 4, and so on/,
    ],
    ['two that change places', 'int a; int b;', 'int b; int a;', /a moves.*b moves/],
    ['a wider member', 'int a; int b;', 'long a; int b;', /b moves/],
    [
      'a pointer to something else',
      'struct other *a;',
      'int *a;',
      /a was struct other \*, and would be int \*/,
    ],
    ['a sign', 'int a;', 'unsigned int a;', /a was int, and would be unsigned int/],
    ['a bool for a char', 'char a;', 'bool a;', /a was char, and would be bool/],
    ['a longer array', 'char a[4]; int b;', 'char a[8]; int b;', /size grows.*b moves/],
    [
      'more of an array than a hole has',
      'char a[3]; long b;',
      'char a[7]; long b;',
      /a was char\[3\], and would be char\[7\]/,
    ],
    ['a wider bit-field', 'int a:3; int b:5;', 'int a:4; int b:4;', /b moves from bit 3 of byte 0/],
    [
      'a bit-field where there was none',
      'unsigned a:3;',
      'unsigned a:4;',
      /a has 4 bits in place of 3/,
    ],
    ['a member that is gone', 'int a; int b; long c;', 'int a; long c;', /b is gone/],
    [
      'one that is nested',
      'struct { int x; } a; int b;',
      'struct { long x; } a; int b;',
      /b moves/,
    ],
    [
      'a member of a nameless union',
      'union { int a; long b; };',
      'union { int a; long b; int c; };',
      /c is new, byte 0, where there is something else/,
    ],
    [
      'an operation with another parameter',
      'int (*f)(int);',
      'int (*f)(long);',
      /f was int \(\*\)\(int\), and would be int \(\*\)\(long int\)/,
    ],
    [
      'members that change places in one without a name',
      'struct { int x; int y; } a;',
      'struct { int y; int x; } a;',
      /a was /,
    ],
    [
      'another value in an enum without a name',
      'enum { IDLE, BUSY } a;',
      'enum { IDLE, READY, BUSY } a;',
      /a was /,
    ],
    ['an alignment', 'int a;', 'int a __attribute__((aligned(16)));', /size grows from 4 to 16/],
    [
      'packing',
      'char a; int b;',
      'char a; int b __attribute__((packed));',
      /size shrinks.*b moves/,
    ],
  ])('does not fit: %s', (_, before, after, expected) => {
    const [change, ...others] = members(before, after);
    expect(others).toEqual([]);
    expect(change?.name).toBe('struct item');
    expect(change?.reasons.join('; ')).toMatch(expected);
  });

  it.each([
    [
      'a member in a hole',
      'int a; long b;',
      'int a; int n; long b;',
      /n is new, where there was a hole/,
    ],
    [
      'one in the padding at the end',
      'long a; int b;',
      'long a; int b; short n;',
      /n is new, where there was a hole/,
    ],
    [
      'a new bit',
      'unsigned a:3;',
      'unsigned a:3; unsigned n:1;',
      /n is new, where there was a hole/,
    ],
    ['a new name', 'int a; int b;', 'int first; int b;', /a is called first now/],
  ])('fits, with a word: %s', (_, before, after, expected) => {
    const [change] = members(before, after);
    expect(change?.reasons).toEqual([]);
    expect(change?.notes.join('; ')).toMatch(expected);
  });

  it('that others have by value does not fit, and they do not either', () => {
    const outer = 'struct outer { struct item one; int last; } *outers;';
    const found = changes('struct item { int a; };', 'struct item { int a; int b; };', outer);
    expect(found.map(({ name }) => name).sort()).toEqual(['struct item', 'struct outer']);
  });

  it('is compared under its new name', () => {
    const found = changes(
      'struct item { int a; int b; }; struct item *first;',
      'struct thing { int n; int a; int b; }; struct thing *first;',
      '',
    );
    expect(found).toMatchObject([
      {
        name: 'struct item',
        reasons: [
          expect.stringMatching(/size grows/),
          expect.any(String),
          expect.any(String),
          expect.any(String),
        ],
      },
    ]);
  });

  it('only declared, and then defined, is the same', () => {
    expect(changes('struct item;', 'struct item { int a; };')).toEqual([]);
  });

  it('without a name of its own has that of its typedef', () => {
    const uses = 'item_t *shelf;';
    const [change] = changes(
      'typedef struct { int a; } item_t;',
      'typedef struct { long a; } item_t;',
      uses,
    );
    expect(change?.name).toBe('item_t');
  });
});

describe('an enum', () => {
  const enums = (before: string, after: string) =>
    changes(`enum kind { ${before} };`, `enum kind { ${after} };`, 'enum kind now;');

  it.each([
    ['one at the end', 'A, B', 'A, B, C'],
    ['one in a gap', 'A, B = 5', 'A, N, B = 5'],
  ])('fits: %s', (_, before, after) => {
    expect(enums(before, after)).toEqual([]);
  });

  it.each([
    ['one in the middle', 'A, B', 'A, N, B', /B was 1, and would be 2/],
    ['one that is gone', 'A, B', 'A', /B \(1\) is gone/],
    ['larger values', 'A = 1', 'A = 1, B = 0x100000000', /8 bytes in place of 4/],
  ])('does not fit: %s', (_, before, after, expected) => {
    expect(enums(before, after)[0]?.reasons.join('; ')).toMatch(expected);
  });

  it.each([
    [
      'the number of all goes up',
      'A, B, NR_KINDS',
      'A, B, C, NR_KINDS',
      /NR_KINDS, which counts the enumerators/,
    ],
    ['a new name', 'A, OLD', 'A, NEW', /OLD is called NEW now/],
  ])('fits, with a word: %s', (_, before, after, expected) => {
    const [change] = enums(before, after);
    expect(change?.reasons).toEqual([]);
    expect(change?.notes.join()).toMatch(expected);
  });
});

describe('a variable', () => {
  it('of another type does not fit', () => {
    const found = changes(
      'static long count;',
      'static void *count;',
      'void *get(void) { return (void *)(count = (typeof(count))((long)count + 1)); }',
    );
    expect(found).toMatchObject([
      { name: 'the variable count', reasons: ['it was long int, and would be void *'] },
    ]);
  });
});
