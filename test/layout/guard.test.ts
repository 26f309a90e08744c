// Verdicts on types that change: which objects of them may exist.

import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { STT_FUNC } from '../../src/elf/constants.js';
import { layoutRefusals } from '../../src/layout/describe.js';
import { judgeLayout, type LayoutChange } from '../../src/layout/guard.js';
import { compile, textOf } from './compile.js';

// Compilers at work do not let the test runner have a word.
afterEach(() => setImmediate());

/** With all functions replaced but those named. */
function judge(
  before: string,
  after: string,
  { kept = [] as string[], allowed = [] as string[], isModule = false } = {},
): LayoutChange[] {
  const [pre, post] = [compile(before), compile(after)];
  const names = pre.symbols.filter(({ type }) => type === STT_FUNC).map(({ name }) => name);
  const replaced = new Set(names.filter((name) => !kept.includes(name)));
  return judgeLayout(
    [{ name: 'a.o', pre, post, replaced, isModule, sources: textOf(before, after) }],
    allowed,
  );
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

/** Whatever else is in the file, the struct stays on the stack of start(). */
const MADE: readonly (readonly [what: string, more: string, why: RegExp])[] = [
  [
    'a cast',
    'extern char *cb; int other(void) { return ((struct walk *)cb)->seen; }',
    /a\.c:\d+ casts to it/,
  ],
  [
    'a cast of a const one, by a macro',
    '#define WALK(p) \\\n\t((const struct walk *)(p)->private)\nextern struct { long private; } *page; int other(void) { return WALK(page)->seen; }',
    /casts to it/,
  ],
  [
    'a cast to an array of them',
    'extern char *cb; int other(void) { return (*(struct walk (*)[4])cb)[1].seen; }',
    /makes one of something else/,
  ],
  [
    'memory of its size',
    'extern void *get(long size); void *other(void) { return get(sizeof(struct walk)); }',
    /takes the size of one/,
  ],
  [
    'container_of()',
    '#define container_of(p, t, m) ((t *)((char *)(p) - __builtin_offsetof(t, m)))\nint other(int *seen) { return container_of(seen, struct walk, seen)->at != 0; }',
    /gives it to container_of\(\)/,
  ],
  [
    'a typedef that is cast to',
    'typedef struct walk walk_t; extern char *cb; int other(void) { return ((walk_t *)cb)->seen; }',
    /casts to it/,
  ],
  [
    'a macro with its name',
    '#define WALK struct walk\nextern char *cb; int other(void) { return ((WALK *)cb)->seen; }',
    /has another name for it/,
  ],
  [
    'a void * that is passed on',
    'int other(void *data) { return step(data); }',
    /gives step\(\) what may be any \(data\)/,
  ],
  [
    'what a function returns and is passed on',
    'extern void *get(long size); int other(void) { return step(get(16)); }',
    /gives step\(\) what may be any \(get\(16\)\)/,
  ],
  [
    'a parameter that points elsewhere',
    'static __attribute__((noinline)) int other(struct walk *walk, void *data) { walk = data; return walk->seen; } int third(long at, void *data) { struct walk mine = { .at = at }; return other(&mine, data); }',
    /has walk point to what may be any \(data\)/,
  ],
  [
    'a copy of what was kept',
    'extern char *cb; int other(void) { struct walk mine; __builtin_memcpy(&mine, cb, sizeof(mine)); return mine.seen; }',
    /gives one to __builtin_memcpy\(\)/,
  ],
  [
    'a second pointer',
    'extern char *cb; int other(void) { struct walk mine = { 0 }; void *to = &mine; __builtin_memcpy(to, cb, 16); return mine.seen; }',
    /keeps the address of one/,
  ],
  [
    'a macro that copies one',
    '#define LOAD(w) do { (w)->at = 0; __builtin_memcpy(w, cb, 16); } while (0)\nextern char *cb; static __attribute__((noinline)) int other(struct walk *walk) { LOAD(walk); return walk->seen; } int third(void) { struct walk mine = { 0 }; return other(&mine); }',
    /gives/,
  ],
  [
    'a macro that keeps its address',
    '#define KEEP(w) (kept = (w), (w)->at)\nextern void *kept; static __attribute__((noinline)) int other(struct walk *walk) { return KEEP(walk) > 1; } int third(void) { struct walk mine = { 0 }; return other(&mine); }',
    /gives one to KEEP\(\)/,
  ],
  [
    'typeof()',
    'extern char *cb; int other(long at) { struct walk mine = { .at = at }; return ((typeof(mine) *)cb)->seen + mine.seen; }',
    /asks for the type of one/,
  ],
];

describe('a struct on stacks that other memory is taken for', () => {
  it.each(MADE)('may not change with %s', (_, more, why) => {
    const [change] = judge(walk(OLD, more), walk(NEW, more));
    expect(change).toMatchObject({ name: 'struct walk', verdict: 'refused' });
    expect(change!.alive.join()).toMatch(why);
  });

  it('may not change if the patch brings that', () => {
    const more = 'extern char *cb; int other(void) { return ((struct walk *)cb)->seen; }';
    const before = 'extern char *cb; int other(void) { return *cb; }';
    const [change] = judge(walk(OLD, before), walk(NEW, more));
    expect(change).toMatchObject({ name: 'struct walk', verdict: 'refused' });
  });

  it('may not change if the source is not known', () => {
    const [pre, post] = [compile(walk(OLD)), compile(walk(NEW))];
    const replaced = new Set(['start', 'step', 'all']);
    const [change] = judgeLayout([{ name: 'a.o', pre, post, replaced }], []);
    expect(change).toMatchObject({
      verdict: 'refused',
      alive: [expect.stringContaining('source is not known')],
    });
  });

  it.each([
    [
      'zeros',
      '#define memset __builtin_memset\nint other(void) { struct walk mine; memset(&mine, 0, sizeof(mine)); return step(&mine); }',
    ],
    [
      'zeros by its name',
      '#define memset __builtin_memset\nint other(void) { struct walk mine; memset(&mine, 0, sizeof(struct walk)); return step(&mine); }',
    ],
    [
      'a macro that uses members',
      '#define AT(w, n) ((w)->at + n)\n#define BOTH(w) (AT(w, 1) | \\\n\tw->seen)\nstatic __attribute__((noinline)) int other(struct walk *walk) { return BOTH(walk); } int third(void) { struct walk mine = { 0 }; return other(&mine); }',
    ],
    ['one that is written down', 'int other(void) { return step(&(struct walk){ .at = 1 }); }'],
    [
      'an array of them',
      'int other(long i) { struct walk mine[2] = { 0 }; return step(mine) + step(&mine[1]); }',
    ],
    [
      'a prototype',
      'static int other(const struct walk *, int); int third(void) { struct walk mine = { 0 }; return other(&mine, 1); } static int other(const struct walk *at, int n) { return at->seen + n; }',
    ],
    [
      'a comment and a message',
      '/* (struct walk *)x */ extern int print(const char *); int other(void) { return print("(struct walk *)x"); }',
    ],
    [
      'one that comes from a macro',
      '#define WALK(name, from) struct walk name = { .at = from }\nint other(void) { WALK(mine, 3); return step(&mine); }',
    ],
  ])('may change with %s', (_, more) => {
    expect(verdicts(judge(walk(OLD, more), walk(NEW, more)))).toEqual([
      ['struct walk', 'on stacks', ''],
    ]);
  });
});

describe('a struct without a name on stacks', () => {
  const unnamed = (members: string, more = '') =>
    `typedef struct { ${members} } walk_t;${walk('')
      .slice(walk('').indexOf(';') + 1)
      .replaceAll('struct walk', 'walk_t')}${more}`;

  it('may change under the name of its typedef', () => {
    expect(verdicts(judge(unnamed(OLD), unnamed(NEW)))).toEqual([['walk_t', 'on stacks', '']]);
  });

  it.each([
    ['a cast', 'extern char *cb; int other(void) { return ((walk_t *)cb)->seen; }'],
    ['a variable', 'walk_t last;'],
    ['a pointer from elsewhere', 'int other(void *data) { walk_t *at = data; return at->seen; }'],
  ])('may not change with %s', (_, more) => {
    const found = judge(unnamed(OLD, more), unnamed(NEW, more));
    expect(found.find(({ name }) => name === 'walk_t')).toMatchObject({ verdict: 'refused' });
  });
});

describe('an enum of which there are only local variables', () => {
  it('may not change, since its values may be kept as numbers', () => {
    const text = (values: string) =>
      `enum state { ${values} }; extern unsigned char kept; int ask(void) { enum state now = kept; return now == BUSY; }`;
    const [change] = judge(text('IDLE, BUSY'), text('IDLE, READY, BUSY'));
    expect(change).toMatchObject({ name: 'enum state', verdict: 'refused' });
  });
});

describe('a struct on the stack of code that a module runs when it comes or goes', () => {
  const more =
    '__attribute__((section(".exit.text"))) int leave(void) { struct walk mine = { .at = 1 }; return step(&mine); }';

  it('may not change: that is not replaced', () => {
    const [pre, post] = [walk(OLD, more), walk(NEW, more)];
    expect(judge(pre, post, { kept: ['leave'], isModule: true })).toMatchObject([
      { verdict: 'refused', alive: ['a.o: leave() uses it, and is not replaced'] },
    ]);
    expect(judge(pre, post, { kept: ['leave'] })).toMatchObject([{ verdict: 'on stacks' }]);
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
      const sources = textOf(walk(OLD, lent), walk(NEW, lent));
      const [change] = judgeLayout(
        [{ name: 'a.o', pre: pre!, post: post!, replaced: new Set(names), sources }],
        [],
      );
      expect(change!.verdict).toBe('refused');
    },
  );
});

describe('an alignment', () => {
  const text = (attribute: string, first = '') =>
    `struct item { long a${first}; long b; }${attribute} *items; long get(void) { return items->b; }`;

  it.each([
    ['a type', text(' __attribute__((aligned(16)))')],
    ['a member', text('', ' __attribute__((aligned(16)))')],
  ])('of %s does not fit the objects that lie anywhere', (_, after) => {
    expect(judge(text(''), after)).toMatchObject([
      {
        name: 'struct item',
        verdict: 'refused',
        reasons: [expect.stringContaining('aligned to 16 bytes')],
      },
    ]);
  });

  it('may go, or stay', () => {
    expect(judge(text(' __attribute__((aligned(16)))'), text(''))).toEqual([]);
    const both = text(' __attribute__((aligned(16)))');
    expect(judge(both, both.replace('long get', '/* packed */ long get'))).toEqual([]);
  });
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

describe('an enumerator of more than 32 bits', () => {
  const flags = (head: string, bit: string, more = '') =>
    `${more}enum ${head} { A = 1, B = 1ULL << ${bit} };\nlong *kept; int ask(void) { return !!(*kept & B) + A; }\n`;

  it.each([
    ['its value', flags('flags', '40'), flags('flags', '41'), 'enum flags'],
    ['its value, of one without a name', flags('', '40'), flags('', '41'), 'the enum with A'],
    [
      'the macro that it is made of',
      flags('flags', 'BIT', '#define BIT 40\n'),
      flags('flags', 'BIT', '#define BIT 41\n'),
      'enum flags',
    ],
  ])('is looked at: %s', (_, before, after, name) => {
    expect(judge(before, after)).toMatchObject([
      {
        name,
        verdict: 'refused',
        reasons: ['B was 1099511627776, and would be 2199023255552'],
      },
    ]);
  });

  it('that keeps its value fits', () => {
    expect(judge(flags('flags', '40'), flags('flags', '40 + 0'))).toEqual([]);
  });
});

describe('a type that is defined in a function', () => {
  const file = (members: string, use: string) =>
    `extern void *get(void);\nextern void put(void *);\nint f(int a)\n{\n\tstruct entry { ${members} };\n\t${use}\n}\n`;
  const pair = (use: string) =>
    judge(file('int x; int y;', use), file('int y; int x;', use)).map(
      ({ name, verdict, reasons }) => [name, verdict, reasons.join()],
    );

  it.each([
    [
      'a static variable of it',
      'static struct entry kept; kept.x += a; return kept.x + kept.y++;',
      'the variable kept stays',
    ],
    ['a cast to it', 'return ((struct entry *)get())->y++;', 'nothing says where they are'],
  ])('does not fit with %s', (_, use, why) => {
    expect(pair(use)).toEqual([['struct entry in f', 'refused', `its members change, and ${why}`]]);
  });

  it('does not fit with a pointer to it that may come from anywhere', () => {
    const [change] = pair('struct entry *one = get(); one->x += a; return one->y++;');
    expect(change?.slice(0, 2)).toEqual([expect.stringMatching(/^struct entry/), 'refused']);
    const nameless = (members: string) =>
      `extern void *get(void);\nint f(int a)\n{\n\tstruct { ${members} } *one = get();\n\treturn one->y++ + a;\n}\n`;
    const [other] = judge(nameless('int x; int y;'), nameless('int y; int x;'));
    expect([other?.name, other?.verdict]).toEqual(['a type in f', 'refused']);
  });

  it('may change if all of it is on the stack', () => {
    expect(pair('struct entry one = { .x = a }; put(&one); return one.y;')).toEqual([]);
  });

  it('does not fit if an enumerator gets another value', () => {
    const values = (list: string) =>
      `extern int *get(void);\nint f(void)\n{\n\tenum { ${list} };\n\treturn *get() == B;\n}\n`;
    expect(judge(values('A, B'), values('A, N, B'))).toMatchObject([
      { name: 'a type in f', verdict: 'refused', reasons: ['B was 1, and would be 2'] },
    ]);
    expect(judge(values('A, B'), values('A, B, C'))).toEqual([]);
  });
});

it('a pointer that becomes one to per-cpu data does not fit, though the compiler sees no difference', () => {
  const file = (mark: string) =>
    `#define __percpu\nstruct stats { long count; };\nstruct item {\n\tint a;\n\tstruct stats ${mark} *stats;\n};\nlong f(struct item *item) { return item->stats->count; }\n`;
  expect(judge(file(''), file('__percpu'))).toMatchObject([
    {
      name: 'struct item',
      verdict: 'refused',
      reasons: ['stats was an ordinary pointer, and would be a pointer to per-cpu data'],
    },
  ]);
});

describe('a function with another prototype', () => {
  const file = (type: string) => `int f(${type} a) { return a + 1; }\n`;
  const judgeOf = (outside: ReadonlyMap<string, string>) => {
    const [before, after] = [file('int'), file('long')];
    const [pre, post] = [compile(before), compile(after)];
    const sources = { ...textOf(before, after), outside };
    return judgeLayout([{ name: 'a.o', pre, post, replaced: new Set(['f']), sources }], []);
  };

  it('does not fit if code that is not compiled anew calls it', () => {
    expect(judgeOf(new Map([['f', 'arch/x86/entry/entry_64.S:12']]))).toMatchObject([
      {
        name: 'the function f',
        verdict: 'refused',
        reasons: [
          'it was "int f(int)" and would be "int f(long int)": arch/x86/entry/entry_64.S:12 goes on calling it as before',
        ],
      },
    ]);
  });

  it('fits if nobody else does', () => {
    expect(judgeOf(new Map())).toEqual([]);
  });
});

describe('a struct that is gone, and whose objects a void * leads to', () => {
  const file = (name: string, members: string, use: string) => `
struct file { void *data; };
struct ${name} { ${members} };
int show(struct file *file) { struct ${name} *x = file->data; return ${use}; }`;
  const old = file('state', 'int one; int two;', 'x->one + x->two');

  it('is that which the function takes for it now, whatever its members are called', () => {
    const [change] = judge(old, file('other', 'long three; int four;', 'x->three + x->four'));
    expect(change).toMatchObject({ name: 'struct state', verdict: 'refused' });
    expect(change!.reasons.join()).toContain('its size grows from 8 to 16 bytes');
  });

  it('may get another name', () => {
    expect(judge(old, file('other', 'int one; int two;', 'x->one + x->two'))).toEqual([]);
  });

  it.each([
    [
      'taken from the same pointer',
      `struct other { long three; }; int more(struct file *file) { struct other *x = file->data; return x->three; }`,
    ],
    [
      'on a stack',
      `struct other { long three; }; int more(long at) { struct other x = { at }; return x.three; }`,
    ],
  ])('has nothing to do with a new one of another function (%s)', (_, more) => {
    const without =
      'struct file { void *data; }; int show(struct file *file) { return file->data != 0; }';
    expect(judge(old, `${without} ${more}`)).toEqual([]);
  });
});
