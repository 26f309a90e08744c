// Exported functions whose prototypes change.

import { describe, expect, it } from 'vitest';
import { changedPrototypes } from '../../src/layout/prototypes.js';
import { compile } from './compile.js';

const MARKS = {
  'an entry of the table': `const char __ksymtab_f[] __attribute__((section("___ksymtab_gpl+f"), used)) = "f";`,
  'a mark for modpost': `asm(".pushsection .export_symbol,\\"a\\"; __export_symbol_f: .byte 0; .popsection");`,
};

function change(before: string, after: string, mark: string = MARKS['an entry of the table']) {
  const types =
    'struct x { int a; }; struct y { int a; }; typedef unsigned int u32; typedef struct { int a; } box;';
  const [pre, post] = [before, after].map((head) =>
    compile(`${types} ${mark} ${head} { __builtin_trap(); }`),
  );
  return changedPrototypes(pre!, post!, new Set(['f']));
}

describe('changedPrototypes', () => {
  it.each([
    ['int f(int a)', 'int f(int b)'],
    ['int f(const struct x *a)', 'int f(struct x *a)'],
    ['void f(unsigned int a)', 'void f(u32 a)'],
    ['int f(int (*call)(int), char buf[4])', 'int f(int (*back)(int), char *buf)'],
    ['int f(box *a)', 'int f(const box *a)'],
    ['int f(int a, int b)', 'int f(int a, int c)'],
  ])('takes as one: %s; %s', (before, after) => {
    expect(change(before, after)).toEqual([]);
  });

  it.each([
    ['int f(int a)', 'int f(long a)', 'int f(int)', 'int f(long int)'],
    ['int f(int a)', 'int f(int a, int b)', 'int f(int)', 'int f(int, int)'],
    ['int f(void)', 'long f(void)', 'int f(void)', 'long int f(void)'],
    ['int f(struct x *a)', 'int f(struct y *a)', 'int f(struct x *)', 'int f(struct y *)'],
    ['int f(int a)', 'int f(int a, ...)', 'int f(int)', 'int f(int, ...)'],
    [
      'void *f(int (*a)(int))',
      'void *f(int (*a)(long))',
      'void *f(int (*)(int))',
      'void *f(int (*)(long int))',
    ],
    ['int f(box *a)', 'int f(struct x *a)', 'int f(struct box *)', 'int f(struct x *)'],
    [
      'int f(int from, int to, char *x)',
      'int f(int to, int from, char *x)',
      'int f(int from, int to, char *x)',
      'int f(int to, int from, char *x)',
    ],
  ])('tells apart: %s; %s', (before, after, was, is) => {
    expect(change(before, after)).toEqual([{ name: 'f', was, is }]);
  });

  it.each(Object.entries(MARKS))('knows %s', (_, mark) => {
    expect(change('int f(int a)', 'int f(long a)', mark)).toHaveLength(1);
  });

  it('leaves alone what is not exported, or not replaced', () => {
    expect(change('int f(int a)', 'int f(long a)', '')).toEqual([]);
    const text = (head: string) =>
      compile(`${MARKS['an entry of the table']} ${head} { return 0; }`);
    const [pre, post] = [text('int f(int a)'), text('int f(long a)')];
    expect(changedPrototypes(pre, post, new Set())).toEqual([]);
  });
});
