// Verdicts on types that change: which objects of them may exist.

import { describe, expect, it } from 'vitest';
import { STT_FUNC } from '../../src/elf/constants.js';
import { judgeLayout, type LayoutChange, layoutRefusals } from '../../src/layout/guard.js';
import { compile } from './compile.js';

/** With all functions replaced but those named. */
function judge(
  before: string,
  after: string,
  { kept = [] as string[], allowed = [] as string[] } = {},
): LayoutChange[] {
  const [pre, post] = [compile(before), compile(after)];
  const names = pre.symbols.filter(({ type }) => type === STT_FUNC).map(({ name }) => name);
  const replaced = new Set(names.filter((name) => !kept.includes(name)));
  return judgeLayout([{ name: 'a.o', pre, post, replaced }], allowed);
}

/** A struct that is handed down from the function that has it on its stack. */
const walk = (members: string, more = '') => `
struct walk { ${members} };
extern int visit(long where);
static __attribute__((noinline)) int step(struct walk *walk) { return visit(walk->at + walk->seen++); }
static inline int all(struct walk *walk) { int sum = 0; while (walk->at--) sum += step(walk); return sum; }
int start(long at) { struct walk walk = { .at = at }; return all(&walk) + walk.seen; }
${more}`;

const [OLD, NEW] = ['long at; int seen;', 'long from; long at; int seen;'];
const verdicts = (changes: LayoutChange[]) =>
  changes.map(({ name, verdict, alive }) => [name, verdict, alive.join()]);

describe('a struct that is only on the stacks of functions that are replaced', () => {
  it('may change', () => {
    expect(verdicts(judge(walk(OLD), walk(NEW)))).toEqual([['struct walk', 'on stacks', '']]);
  });

  it.each([
    ['start', 'a.o: start() uses it, and is not replaced'],
    ['step', 'a.o: step() uses it, and is not replaced'],
  ])('may not if %s() is not replaced', (name, why) => {
    expect(verdicts(judge(walk(OLD), walk(NEW), { kept: [name] }))).toEqual([
      ['struct walk', 'refused', why],
    ]);
  });

  it.each([
    ['a variable', 'struct walk last;', 'the variable last is one'],
    [
      'a pointer to it',
      'static struct walk *last; void set(long p) { last = (void *)p; } long get(void) { return (long)last; }',
      'the variable last points to one',
    ],
    [
      'a struct with it',
      'struct tour { int n; struct walk walk; } *tours;',
      'struct tour has one in it',
    ],
    [
      'a list of them',
      'struct tour { struct walk *walks[4]; } *tours;',
      'struct tour points to one',
    ],
    [
      'a static one in a function',
      'int again(void) { static struct walk walk; return walk.seen++; }',
      'a.o: the variable walk in again() stays',
    ],
    [
      'a pointer from elsewhere',
      'int other(void *data) { struct walk *walk = data; return walk->seen; }',
      'a.o: walk in other() may point to any',
    ],
    [
      'a function that others call',
      'int other(struct walk *walk) { return walk->seen; }',
      'a.o: other() is called through pointers, or by others',
    ],
    [
      'a callback',
      'static int other(struct walk *walk) { return walk->seen; } int (*callback)(struct walk *) = other;',
      /called through pointers/,
    ],
    [
      'a function that makes them',
      'extern void *get(long size); struct walk *make(void) { return get(sizeof(struct walk)); }',
      'a.o: make() returns a pointer to one',
    ],
  ])('may not with %s', (_, more, why) => {
    const [change] = judge(walk(OLD, more), walk(NEW, more));
    expect(change).toMatchObject({ name: 'struct walk', verdict: 'refused' });
    if (typeof why === 'string') expect(change!.alive).toContain(why);
    else expect(change!.alive.join()).toMatch(why);
  });
});

describe('a function that is handed out', () => {
  const lent =
    'static int other(struct walk *walk) { return walk->seen; } extern void lend(int (*)(struct walk *)); void pass(void) { lend(other); }';
  it.each([['-fno-pic'], ['-fpie']])(
    'is known by its address in code, compiled with %s',
    (flag) => {
      const [pre, post] = [OLD, NEW].map((members) => compile(walk(members, lent), flag));
      const names = pre!.symbols.filter(({ type }) => type === STT_FUNC).map(({ name }) => name);
      const [change] = judgeLayout(
        [{ name: 'a.o', pre: pre!, post: post!, replaced: new Set(names) }],
        [],
      );
      expect(change!.verdict).toBe('refused');
    },
  );
});

describe('a change that its author allows', () => {
  const text = (members: string) =>
    `struct item { ${members} } *items; int get(void) { return items->a; }`;

  it('is told, and not refused', () => {
    const changes = judge(text('int a;'), text('int a; int b;'), { allowed: ['struct item'] });
    expect(changes).toMatchObject([{ name: 'struct item', verdict: 'allowed' }]);
    expect(layoutRefusals(changes)).toEqual([]);
  });

  it('is refused with both layouts if he does not', () => {
    const [refusal] = layoutRefusals(judge(text('int a; long c;'), text('long n; int a; long c;')));
    expect(refusal).toMatchObject({ code: 'layout-changed', object: 'a.o', symbol: 'struct item' });
    expect(refusal!.message).toContain('Where they may be: the variable items points to one');
    expect(refusal!.message).toMatch(/^ {4}- int a; +\/\* 0 4 \*\/$/m);
    expect(refusal!.message).toMatch(/^ {4}\+ long int n; +\/\* 0 8 \*\/$/m);
    expect(refusal!.message).toMatch(/^ {4}\+ \/\* size: 24 \*\/$/m);
  });
});
