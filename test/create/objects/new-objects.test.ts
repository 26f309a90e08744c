import { describe, expect, it } from 'vitest';
import { silentUi } from '../../../src/base/ui.js';
import { kindOf, type PatchedFile } from '../../../src/create/change/patched-file.js';
import { findDifferences } from '../../../src/create/code/differences.js';
import { codeFiles } from '../../../src/create/objects/choose-objects.js';
import {
  newSources,
  refuseInitcalls,
  rulesOfNew,
} from '../../../src/create/objects/new-objects.js';
import { inferTableSizes } from '../../../src/elf/tables.js';
import { withFiles } from '../../support/files.js';
import { bytesOf, diffOf, objectOf } from '../../support/states.js';

const file = (path: string, before?: string, after: string | undefined = 'x\n'): PatchedFile => ({
  path,
  kind: kindOf(path),
  before,
  after,
});

describe('files that a patch adds', () => {
  const makefile = file('net/ring/Makefile', 'obj-y += ring.o\n');
  const all = [
    makefile,
    file('net/ring/Kconfig', 'old\n'),
    file('net/ring/ring.c', 'old\n'),
    file('net/ring/wheel.c'),
    file('net/ring/axle.S', ''),
    file('net/ring/wheel.h'),
  ];

  it('are compiled if they are sources, by the rules that the patch changes', () => {
    expect(newSources(all).map(({ path }) => path)).toEqual([
      'net/ring/wheel.c',
      'net/ring/axle.S',
    ]);
    expect(rulesOfNew(all)).toEqual([makefile]);
    expect(rulesOfNew(all.slice(0, 3))).toEqual([]);
  });

  it('let the user know how much of the rules is followed', () => {
    const said: string[] = [];
    codeFiles(all, { ...silentUi, warn: (text: string) => said.push(text) });
    expect(said).toEqual([
      'net/ring/Kconfig: build rules are not changed on a running kernel',
      'net/ring/Makefile: only the build rules of new files are followed; other changes of build rules are ignored',
    ]);
  });
});

describe('a new object', () => {
  const INITCALL = `
static int __attribute__((section(".init.text"), used)) ring_setup(void) { return sink(1); }
static int (*call)(void) __attribute__((section(".initcall6.init"), used)) = ring_setup;
`;
  const LOADED = `
int __attribute__((section(".init.text"))) ring_init(void) { return sink(1); }
int __attribute__((alias("ring_init"))) init_module(void);
`;
  const HOOK = `
static int ring_apply(void) { return sink(2); }
static int (*hook)(void) __attribute__((section(".ksplice.call_apply"), used)) = ring_apply;
`;

  it('is all new beside an old one in which nothing is', () => {
    const diff = diffOf('', 'static int state; int added(void) { return sink(++state); }', 'a.o');
    expect(diff.verdict).toBe('changed');
    expect(diff.functions.added).toEqual(['added']);
    expect(diff.data.added).toEqual(['state']);
  });

  it.each([
    ['an initcall', INITCALL, ['ring_setup']],
    ["a module's init function", LOADED, ['init_module']],
    ['no such thing', 'int added(void) { return 1; }', []],
    ['an initcall and a hook', INITCALL + HOOK, []],
  ])('with %s', (_, source, refused) => {
    const refusals = refuseInitcalls(diffOf('', source, 'ring.o'), 'ring.o');
    expect(refusals.map(({ code, symbol }) => [code, symbol])).toEqual(
      refused.map((symbol) => ['new-initcall', symbol]),
    );
  });

  it('that nothing leads to changes nothing', () => {
    const source = 'int added(void) { return sink(3); }';
    const bytes = { pre: bytesOf(''), post: bytesOf(source), hook: bytesOf(source + HOOK) };
    const tables = inferTableSizes([objectOf(source, 'a.o')]);
    withFiles(bytes, (folder) => {
      const [pre, post, hook] = ['pre', 'post', 'hook'].map((name) => `${folder}/${name}`);
      const object = { name: 'a.o', target: 'a.o', owners: ['vmlinux'], isNew: true };
      const made = { source: 'a.c', commands: [], dependencies: [] };
      const compiled = { ...object, made, plain: pre!, sectioned: pre! };
      const find = (file: string) =>
        findDifferences([{ ...compiled, post: file }], tables, silentUi).targets;
      expect(() => find(post!)).toThrow(
        expect.objectContaining({
          code: 'no-changes',
          advice: 'added: new, and no running code leads there',
        }),
      );
      expect(find(hook!)).toHaveLength(1);
    });
  });
});
