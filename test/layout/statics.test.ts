// Static variables inside of functions that new code goes on using: of which type they are.

import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { sourceName } from '../../src/diff/names.js';
import type { ElfObject, ElfSymbol } from '../../src/elf/object.js';
import { judgeLayout } from '../../src/layout/guard.js';
import { compile, textOf } from './compile.js';

// Compilers at work do not let the test runner have a word.
afterEach(() => setImmediate());

const file = (variable: string, more = '') => `
struct point { int x; int y; };
extern void *get(void);
${more}
long take(long x) { static ${variable}; asm volatile("" : : "r"(&kept) : "memory"); return x; }`;

function judge(before: string, after: string) {
  const [pre, post] = [compile(before), compile(after)];
  const twins = new Map(
    named(post).flatMap((one): [ElfSymbol, ElfSymbol][] => {
      const twin = named(pre).find(({ name }) => sourceName(name) === sourceName(one.name));
      return twin ? [[one, twin]] : [];
    }),
  );
  const sources = textOf(before, after);
  return judgeLayout(
    [{ name: 'a.o', pre, post, replaced: new Set(['take']), twins, sources }],
    [],
  ).map(({ name, verdict, reasons }) => [name, verdict, reasons.join()]);
}

const named = (object: ElfObject) =>
  object.symbols.filter(({ name }) => /^kept\.\d+$|^take\.kept$/.test(name));

describe('a static variable of a function', () => {
  it.each([
    ['a number for a pointer', 'void *kept', 'long kept', 'it was void *, and would be long int'],
    ['a sign', 'int kept', 'unsigned int kept', 'it was int, and would be unsigned int'],
    [
      'a pointer to something else',
      'struct point *kept',
      'int *kept',
      'it was struct point *, and would be int *',
    ],
    [
      'members without a name that change places',
      'struct { int a; int b; } kept',
      'struct { int b; int a; } kept',
      'it was struct { ... }, and would be struct { ... } with other members',
    ],
    [
      'a function with another parameter',
      'int (*kept)(int)',
      'int (*kept)(long)',
      'it was int (*)(int), and would be int (*)(long int)',
    ],
    ['elements', 'int kept[4]', 'float kept[4]', 'it was int[], and would be float[]'],
    [
      'rows',
      'int kept[2][3]',
      'int kept[3][2]',
      'it was int[], and would be int[] with other members',
    ],
    ['a size', 'int kept', 'long kept', 'it was int, and would be long int'],
  ])('does not fit with another type: %s', (_, before, after, why) => {
    expect(judge(file(before), file(after))).toEqual([
      ['the variable kept in take', 'refused', why],
    ]);
  });

  it.each([
    ['the same', 'struct point kept', 'struct point kept'],
    ['another spelling', 'unsigned long kept', 'const unsigned long long kept'],
    ['more elements', 'int kept[4]', 'int kept[8]'],
    ['a new name for its type', 'unsigned int kept', 'u32 kept'],
  ])('fits: %s', (_, before, after) => {
    const u32 = 'typedef unsigned int u32;';
    expect(judge(file(before, u32), file(after, u32))).toEqual([]);
  });

  it('is found where the function was inlined, too', () => {
    const text = (type: string) => {
      const inlined = 'static inline __attribute__((always_inline)) long take';
      return `${file(`${type} kept`).replace('long take', inlined)}
long caller(long x) { return take(x) + take(x + 1); }`;
    };
    expect(judge(text('void *'), text('long'))).toMatchObject([
      ['the variable kept in take', 'refused', expect.anything()],
    ]);
  });
});
