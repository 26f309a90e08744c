// What is said of a type that changes, for each kind of change: by objects of the compiler.

import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ElfObject } from '../../src/elf/object.js';
import { compareTypes, type TypeChange } from '../../src/layout/changes.js';
import { typesOf } from '../../src/layout/dwarf-types.js';
import { usedAsValue } from '../../src/layout/enumerator-uses.js';
import type { ValueUses } from '../../src/layout/enums.js';
import { compile } from './compile.js';

// Compilers at work do not let the test runner have a word.
afterEach(() => setImmediate());

/** The file around declarations, in which everything is used. */
const file = (declarations: string, uses: string) =>
  `typedef _Bool bool;\ntypedef int (*op_t)(long);\ntypedef int function_t(long);\nstruct other { int x; };\n${declarations}\n${uses}\n`;

function changes(before: string, after: string, uses = 'struct item *shelf[4];'): TypeChange[] {
  const types = (text: string) => {
    const object = compile(file(text, uses));
    return typesOf(object);
  };
  return [...compareTypes(types(before), types(after)).changes];
}

/** Of enumerators, with what the source does with them. */
function enumChanges(before: string, after: string, use: string): TypeChange[] {
  const text = (values: string) =>
    `enum kind { ${values} };\nextern void set_kind(int to, int kind);\nextern long room[];\n${use}`;
  const types = (object: ElfObject) => typesOf(object);
  const [pre, post] = [text(before), text(after)];
  const uses: ValueUses = (name, others) =>
    usedAsValue(
      [pre, post].map((one) => ({ path: 'a.c', text: one })),
      name,
      others,
    );
  return [...compareTypes(types(compile(pre)), types(compile(post)), uses).changes];
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
    [
      'members of a union in another order',
      'union { long l; void *p; } a;',
      'union { void *p; long l; } a;',
    ],
    [
      'a name for several members together, as struct_group() makes one',
      'int n; int a; int b; char c;',
      'int n; union { struct { int a; int b; }; struct { int a; int b; } both; }; char c;',
    ],
    [
      'the same with a type that has a name',
      'int n; int a; int b; char c;',
      'int n; union { struct { int a; int b; }; struct both { int a; int b; } both; }; char c;',
    ],
    [
      'an array without a length, as DECLARE_FLEX_ARRAY() makes one',
      'int n; int d[0];',
      'int n; struct { struct {} __empty_d; int d[]; };',
    ],
    [
      'several such arrays',
      'int n; union { char s[0]; int d[0]; };',
      'int n; union { struct { struct {} __empty_s; char s[]; }; struct { struct {} __empty_d; int d[]; }; };',
    ],
    [
      'members that go into a struct',
      'int n; int a; int b; char c;',
      'int n; struct { int a; int b; } both; char c;',
    ],
    [
      'members that come out of a struct',
      'int n; struct both { int a; int b; } both; char c;',
      'int n; int a; int b; char c;',
    ],
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
    [
      'members that change places in a name for them together',
      'int n; int a; int b; char c;',
      'int n; union { struct { int a; int b; }; struct { int b; int a; } both; }; char c;',
      /both is new, byte 4, where there is something else/,
    ],
    [
      'members that change places in the struct that they go into',
      'int n; int a; int b; char c;',
      'int n; struct { int b; int a; } both; char c;',
      /both is new, byte 4, .*a is gone/,
    ],
    [
      'a struct of another name whose members have other names',
      'struct other a;',
      'struct third { int y; } a;',
      /a was struct other, and would be struct third/,
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
    ['rows for columns', 'int a[2][3]; int b;', 'int a[3][2]; int b;', /a was int\[/],
    ['the sign of a bit-field', 'int a:3;', 'unsigned a:3;', /a was int, and would be unsigned/],
    [
      'a bit-field that becomes a member',
      'unsigned a:8;',
      'unsigned char a;',
      /size shrinks.*a was unsigned int, and would be unsigned char/,
    ],
    [
      'the type of an operation, by its name',
      'int (*f)(int);',
      'op_t f;',
      /f was int \(\*\)\(int\), and would be op_t/,
    ],
    [
      'the type of a function that is pointed to',
      'int (*f)(int);',
      'function_t *f;',
      /f was int \(\*\)\(int\), and would be/,
    ],
    [
      'another place in a nameless union in one',
      'int a; union { int b; struct { int c; int d; }; };',
      'int a; union { struct { int c; int d; }; struct { int e; int b; }; };',
      /b moves from byte 4 to byte 8/,
    ],
    [
      'a member behind an array without a length',
      'long a; char b; char c[];',
      'long a; char b; char c[0]; char n[3];',
      /n is new, byte 9, where elements of an array may be/,
    ],
    [
      'a member behind a last array of one',
      'long a; char b[1];',
      'long a; char b[1]; int n;',
      /n is new, byte 12, where elements of an array may be/,
    ],
    [
      'a member behind a struct that ends with such an array',
      'long a; struct { char x; char y[]; } b;',
      'long a; struct { char x; char y[]; } b; int n;',
      /n is new, byte 12, where elements of an array may be/,
    ],
    [
      'an enum without a name that loses a value',
      'enum { IDLE, BUSY } a;',
      'enum { IDLE } a;',
      /a was enum/,
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
    [
      'a member in front of an array without a length',
      'char a; long b; char c[];',
      'char a; int n; long b; char c[];',
      /n is new, where there was a hole/,
    ],
    [
      'one behind an array of one that is not the last',
      'char a[1]; long b;',
      'char a[1]; int n; long b;',
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

  it('that becomes a union of that name does not fit', () => {
    const uses = 'void *kept; int get(void) { return ((KIND item *)kept)->b; }';
    const found = changes(
      '#define KIND struct\nstruct item { int a; int b; };',
      '#define KIND union\nunion item { int a; int b; };',
      uses,
    );
    expect(found).toMatchObject([{ name: 'struct item', reasons: ['it becomes a union'] }]);
  });

  it('without a name of its own, and const, has that of its typedef', () => {
    const [change] = changes(
      'typedef const struct { int a; } item_t;',
      'typedef const struct { long a; } item_t;',
      'item_t *shelf;',
    );
    expect(change?.name).toBe('item_t');
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

it('a struct of another name with the same members is told', () => {
  const types =
    'typedef struct { int counter; } atomic_t; typedef struct counted { atomic_t refs; } refcount_t; extern refcount_t also;';
  const [change, ...others] = changes(
    `${types} struct item { atomic_t users; };`,
    `${types} struct item { refcount_t users; };`,
    'struct item *shelf[4]; refcount_t also; atomic_t one;',
  );
  expect([change?.reasons, change?.notes, others]).toEqual([
    [],
    ['users was atomic_t, and is refcount_t now, which has the same members'],
    [],
  ]);
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

describe('enumerators of an enum that is gone', () => {
  const uses = 'int ask(int x) { return x == B; }';

  it.each([
    ['that has no name any more', 'enum kind { A, B };', 'enum { A, N, B };', 'enum kind'],
    ['that gets a name', 'enum { A, B };', 'enum kind { A, N, B };', 'the enum with A'],
    [
      'of which some go to another',
      'enum kind { A, B };',
      'enum kind { A }; enum other_kind { N, O, B };',
      'enum kind',
    ],
  ])('are compared: %s', (_, before, after, name) => {
    const kind = name === 'enum kind' && after.includes('enum kind') ? 'enum kind now;' : '';
    expect(changes(before, after, `${uses} ${kind}`)).toMatchObject([
      { name, reasons: [expect.stringMatching(/^B was 1, and would be 2$/)] },
    ]);
  });

  it('fit if all keep their values', () => {
    expect(changes('enum kind { A, B };', 'enum { A, B, C };', uses)).toEqual([]);
    expect(changes('enum kind { A, B };', 'enum { A }; enum { B = 1 };', uses)).toEqual([]);
  });

  it('fit if they are no enumerators any more', () => {
    expect(changes('enum kind { A, B };', '#define B 1', uses)).toEqual([]);
  });
});

const RING = 'unsigned char *state; enum kind now;';
const GROWN = ['A, B, KIND_LAST', 'A, B, C, KIND_LAST'] as const;

describe('a last enumerator', () => {
  it.each([
    ['MAXED'],
    ['STATE_MAXED'],
    ['STATE_LAST_ACK'],
    ['LAST_ACK'],
    ['ENDED'],
    ['KIND_COUNTED'],
  ])('does not count: %s', (last) => {
    const [change] = enumChanges(`A, B, ${last}`, `A, B, C, ${last}`, RING);
    expect(change?.reasons).toEqual([`${last} was 2, and would be 3`]);
  });

  it.each([
    ['NR_KINDS'],
    ['NUM_KINDS'],
    ['N_KINDS'],
    ['MAX_NR_KINDS'],
    ['KIND_MAX'],
    ['KIND_CNT'],
    ['__KIND_MAX'],
    ['__KIND_LAST'],
    ['kind_count'],
  ])('counts: %s', (last) => {
    const [change] = enumChanges(`A, B, ${last}`, `A, B, C, ${last}`, RING);
    expect(change?.reasons).toEqual([]);
    expect(change?.notes).toHaveLength(1);
  });

  it.each([
    ['it is stored', 'void f(void) { *state = KIND_LAST; }', /a.c:5 stores it/],
    ['it is the first value', 'struct { int kind; } one = { .kind = KIND_LAST };', /stores it/],
    [
      'there is a case for it',
      'int f(int x) { switch (x) { case KIND_LAST: return 7; } return 0; }',
      /has a case for it/,
    ],
    [
      'it is asked for',
      'int f(int x) { return *state == KIND_LAST; }',
      /asks whether something is it/,
    ],
    [
      'it is asked for, first',
      'int f(int x) { return KIND_LAST != *state; }',
      /asks whether something is it/,
    ],
    ['it is returned', 'int f(int x) { if (x) return KIND_LAST; return 0; }', /returns it/],
    ['it is chosen', 'void f(int x) { *state = x ? KIND_LAST : A; }', /chooses it/],
    ['it is handed on', 'void f(int x) { set_kind(x, KIND_LAST); }', /gives it to set_kind\(\)/],
    [
      'it has an entry of a table',
      'const char *const names[] = { [A] = "a", [KIND_LAST] = "last" };',
      /has an entry for it/,
    ],
    [
      'it is stored under another name',
      '#define KIND_IDLE (KIND_LAST)\nvoid f(void) { *state = KIND_IDLE; }',
      /stores it/,
    ],
  ])('does not count if %s', (_, use, expected) => {
    const [change] = enumChanges(...GROWN, `${RING}\n${use}`);
    expect(change?.reasons.join()).toMatch(/^KIND_LAST was 2, and would be 3: /);
    expect(change?.reasons.join()).toMatch(expected);
  });

  it.each([
    ['the length of an array', 'int counts[KIND_LAST]; const int first[KIND_LAST] = { [A] = 1 };'],
    [
      'the end of a loop',
      'int f(void) { int i; for (i = 0; i != KIND_LAST; i++) room[i] = 0; if (i == KIND_LAST) return 0; return i; }',
    ],
    [
      'the start of a loop',
      'int f(void) { int k = 0, at; for (at = KIND_LAST; at > 0; at--) k += room[at]; return k; }',
    ],
    ['a bound', 'int f(int x) { return x >= KIND_LAST || room[KIND_LAST - 1] ? -1 : x; }'],
    [
      'a number that is kept as one',
      'struct { int nr_kinds, maxkind; } all = { .nr_kinds = KIND_LAST, .maxkind = KIND_LAST };',
    ],
    ['what tells the number', 'int kind_count(void) { return KIND_LAST; }'],
    [
      'a number that is handed on',
      'extern void *alloc(int n); void *f(void) { return alloc(KIND_LAST); }',
    ],
    ['the next enumerator', 'enum more { FIRST = KIND_LAST + 1 } more;'],
    ['the same under another name', '#define KINDS KIND_LAST\nint counts[KINDS];'],
  ])('counts if it is %s', (_, use) => {
    const found = enumChanges(...GROWN, `${RING}\n${use}`);
    expect(found.find(({ name }) => name === 'enum kind')?.reasons).toEqual([]);
  });
});

describe('an enum without a name, whose values are kept as numbers', () => {
  const loose = (values: string) =>
    changes(
      'enum { IDLE, BUSY };',
      `enum { ${values} };`,
      'unsigned char *state; int f(void) { return *state == BUSY; }',
    );

  it('does not fit if one of them is another', () => {
    expect(loose('IDLE, READY, BUSY')).toMatchObject([
      { name: 'the enum with IDLE', reasons: ['BUSY was 1, and would be 2'] },
    ]);
  });

  it('fits if there are more', () => {
    expect(loose('IDLE, BUSY, DONE')).toEqual([]);
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
