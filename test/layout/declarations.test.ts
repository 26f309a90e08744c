// Which patches can change a type at all: a wrong no would be a type that nobody looks at.

import { describe, expect, it } from 'vitest';
import { mayChangeTypes } from '../../src/layout/declarations.js';

const FILE = `#include <linux/fs.h>
/* struct { */
struct item {
	int a; // }
	const char *name;
};

static int limits[] = { 1, 2 };

#define SIZE 4

static int check(struct item *item, int n)
{
	struct item *other = item;
	if (n > 4) {
		pr_info("too many {: %d", n);
		return -EINVAL;
	}
	return other->a;
}

SYSCALL_DEFINE1(item, int, n)
{
	return check(NULL, n);
}
`;
const changed = (from: string, to: string, path = 'fs/item.c') => {
  expect(FILE).toContain(from);
  return mayChangeTypes([{ path, before: FILE, after: FILE.replace(from, to) }]);
};

describe('a patch', () => {
  it.each([
    ['a statement', 'return -EINVAL;', 'return -ERANGE;'],
    [
      'a variable in a function',
      'struct item *other = item;',
      'struct item *other = item;\n\tlong sum = 0;',
    ],
    ['a block', 'return other->a;', 'if (other->a) {\n\t\tpr_info("}");\n\t}\n\treturn 0;'],
    ['a comment', '/* struct { */', '/* union { int a; } */'],
    ['a syscall', 'check(NULL, n)', 'check(NULL, n + 1)'],
  ])('that changes %s cannot change types', (_, from, to) => {
    expect(changed(from, to)).toBe(false);
  });

  it.each([
    ['a member', '\tint a; // }', '\tlong a; // }'],
    ['an include', 'linux/fs.h', 'linux/mm.h'],
    ['a macro', 'SIZE 4', 'SIZE 8'],
    ['a prototype', 'int n)\n{\n\tstruct', 'long n)\n{\n\tstruct'],
    ['a variable', 'limits[]', 'limits[3]'],
    [
      'a type in a function',
      'struct item *other = item;',
      'struct { int x; } y; struct item *other = item;',
    ],
    [
      'a variable that stays when the function is over',
      'struct item *other = item;',
      'struct item *other = item;\n\tstatic long sum;',
    ],
    ['a macro in a function', 'if (n > 4) {', '#define MANY 4\n\tif (n > MANY) {'],
    [
      'a definition behind a function',
      'SYSCALL_DEFINE1',
      'struct late {\n\tint x;\n};\n\nSYSCALL_DEFINE1',
    ],
    [
      'braces that are in no order',
      'return other->a;',
      'return other->a; }\n}\nstruct late { int x;',
    ],
  ])('that changes %s may', (_, from, to) => {
    expect(changed(from, to)).toBe(true);
  });

  it.each([
    [
      'of a static variable, behind others',
      'static struct {\n\t\tint a;\n\t\tint b;\n\t\tlong c;\n\t} last;',
      '\t\tint b;\n\t\tlong c;\n',
      '\t\tlong c;\n\t\tint b;\n',
    ],
    [
      'behind a struct that is in it',
      'struct entry {\n\t\tstruct { int a; } head;\n\t\tint b;\n\t} *entry = data;',
      'int b',
      'long b',
    ],
    [
      'of a type with an attribute',
      'struct __attribute__((packed)) entry {\n\t\tint b;\n\t} *entry = data;',
      'int b',
      'long b',
    ],
    [
      'of a static variable that begins with values',
      'static struct entry {\n\t\tint a; int b;\n\t} all[2] = { { 1 }, { 2 } };',
      'int a; int b',
      'int b; int a',
    ],
  ])('that changes a member in a function may: %s', (_, variable, from, to) => {
    const before = `int f(void *data)\n{\n\t${variable}\n\treturn 0;\n}\n`;
    const after = before.replace(from, to);
    expect(after).not.toBe(before);
    expect(mayChangeTypes([{ path: 'x.c', before, after }])).toBe(true);
  });

  it('that changes what looks like a function, and is a type that a macro declares, may', () => {
    const before = 'DECLARE_ITEM(first)\n{\n\tint a;\n\tint b;\n};\n';
    const after = before.replace('int a', 'long a');
    expect(mayChangeTypes([{ path: 'x.c', before, after }])).toBe(true);
  });

  it('that changes a statement beside a type of the function cannot', () => {
    const before =
      'int f(int a)\n{\n\tstruct { int b; } x = { a };\n\tif (a == sizeof(struct item)) {\n\t\ta++;\n\t}\n\treturn a;\n}\n';
    const after = before.replace('a++', 'a--');
    expect(mayChangeTypes([{ path: 'x.c', before, after }])).toBe(false);
  });

  it('of a header may, and one of assembly cannot', () => {
    expect(changed('return -EINVAL;', 'return 0;', 'fs/item.h')).toBe(true);
    expect(changed('int a;', 'long a;', 'arch/x86/item.S')).toBe(false);
  });

  it('that brings a file may', () => {
    expect(mayChangeTypes([{ path: 'fs/item.c', before: undefined, after: FILE }])).toBe(true);
  });

  it('that ends a function in the middle of a line may', () => {
    const before =
      'int f(int a)\n{\n#if X\n\tif (a) {\n#else\n\tif (!a) {\n#endif\n\t}\n\treturn 1;\n}\nstruct s { int a; };\n';
    const after = before.replace('int a; }', 'long a; }');
    expect(mayChangeTypes([{ path: 'x.c', before, after }])).toBe(true);
  });

  it('of what a macro makes may, behind a comment of several lines, too', () => {
    const before =
      '#define MADE \\\n\t/* by hand,\n\t   and often */ \\\nint made(int a) { \\\n\treturn ONE; \\\n}\n';
    const plain = before.replaceAll(' \\', '');
    for (const text of [before, plain]) {
      const files = [{ path: 'x.c', before: text, after: text.replace('ONE', 'TWO') }];
      expect(mayChangeTypes(files)).toBe(text === before);
    }
  });

  it('of functions whose braces are in pairs only together may', () => {
    const two =
      'int f(int a)\n{\n#if X\n\tif (a) {\n#else\n\tif (!a) {\n#endif\n\t}\n\treturn 1;\n}\n';
    const other = 'int g(int a)\n{\n\tif (a) {\n#if X\n\t}\n#else\n\t}\n#endif\n\treturn 1;\n}\n';
    const before = `${two}static int limit;\n${other}`;
    const after = before.replace('int limit', 'long limit');
    expect(mayChangeTypes([{ path: 'x.c', before, after }])).toBe(true);
  });
});
