import { describe, expect, it } from 'vitest';
import { changesPrototype, prototypeNotes } from '../../src/create/prototypes.js';
import { diffOf } from '../support/states.js';

const change = (before: string, after: string) =>
  ({ path: 'a.c', kind: 'source', before, after }) as const;

describe('changesPrototype', () => {
  it.each([
    ['int f(int a)\n{', 'int f(int b)\n{', false],
    ['int f(int a)\n{', 'int f(long a)\n{', true],
    ['int f(int a)\n{', 'int f(int a, int b)\n{', true],
    ['int f(void)\n{', 'long f(void)\n{', true],
    ['int f(struct x *a,\n      int b) {', 'int f(struct x * c, /* new */ int b)\n{', false],
    ['int f(struct x *a)\n{', 'int f(struct y *a)\n{', true],
    ['int f(int (*cb)(int), char buf[4])\n{', 'int f(int (*call)(int), char b[4])\n{', false],
    ['int f(int (*cb)(int))\n{', 'int f(int (*cb)(long))\n{', true],
    ['int f(int);\nint g(int a)\n{ f(1); {', 'int f(long);\nint g(int a)\n{ f(1); {', false],
  ])('%j → %j: %s', (before, after, expected) => {
    expect(changesPrototype(change(before, after), 'f')).toBe(expected);
  });
});

describe('prototypeNotes', () => {
  const exported = `
extern const char __ksymtab_f[] __attribute__((section("___ksymtab_gpl+f")));
const char __ksymtab_f[] __attribute__((section("___ksymtab_gpl+f"), used)) = "f";
`;
  const before =
    'noipa int f(int a)\n{ return sink(a); }\nnoipa int g(int a)\n{ return sink(a); }\n';
  const after = before.replaceAll('(int a)', '(long a)').replaceAll('sink(a)', 'sink(a >> 32)');

  it('has a note for each function that is exported', () => {
    const object = { label: 'a.o', diff: diffOf(before + exported, after + exported, 'a.o') };
    expect(prototypeNotes([change(before, after)], [object])).toEqual([
      expect.stringMatching(/^a\.o: f is exported, and its prototype changes/),
    ]);
    const same = { label: 'a.o', diff: diffOf(before, after, 'a.o') };
    expect(prototypeNotes([change(before, after)], [same])).toEqual([]);
  });
});
