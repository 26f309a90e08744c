// Jump labels whose key is read-only: which they are, and that the module loader
// does not see them.

import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject, type ElfSymbol } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import type { NewCode, Sealed } from '../../src/extract/extraction.js';
import { extractNewCode } from '../../src/extract/index.js';
import { takeOutSealed } from '../../src/extract/sealed.js';
import { convertToLivepatch } from '../../src/module/livepatch.js';
import { compile, sectionFlags } from '../support/compile.js';

const fixture = (name: string) => path.join(import.meta.dirname, '../fixtures/extract', name);

/** The entries of a table, each as "code target key". */
function entries(object: ElfObject, name: string): string[] {
  const section = object.section(name)!;
  const all = [...object.relocations(section), ...object.livepatchRelocations(section)];
  return Array.from({ length: section.size / 16 }, (_, index) => {
    const field = (offset: number) => {
      const { symbol, addend } = all.find((one) => one.offset === index * 16 + offset)!;
      return `${symbol.name || symbol.section?.name}+${addend}`;
    };
    return `${field(0)} ${field(4)} ${field(8)}`;
  });
}

describe('a module with sealed keys', () => {
  const linked = (room: number) => compile(fixture('sealed.S'), [`-DROOM=${room}`]);
  const sealed = { keys: ['sealed_key'], count: 2 };
  const [first, second, third] = entries(new ElfObject(linked(32), 'linked.ko'), '__jump_table');

  test('has their entries where the core looks, and the others where the loader does', () => {
    const made = new ElfObject(takeOutSealed(linked(32), sealed), 'made.ko');
    expect(first).toMatch(/ sealed_key\+0$/);
    expect(third).toMatch(/ sealed_key\+1$/);
    expect(entries(made, '.ksplice.sealed')).toEqual([first, third]);
    expect(entries(made, '__jump_table')).toEqual([second]);
  });

  test('has them there too if the key is found by name and position', () => {
    const binding = { symbol: 'sealed_key', object: 'vmlinux', name: 'key', position: 3 };
    const made = convertToLivepatch(takeOutSealed(linked(32), sealed), [binding]);
    const shown = (entry: string | undefined) =>
      entry?.replace('sealed_key', '.klp.sym.vmlinux.key,3');
    const found = entries(new ElfObject(made, 'made.ko'), '.ksplice.sealed');
    expect(found).toEqual([shown(first), shown(third)]);
  });

  test('is as it was if there are none', () => {
    const before = linked(32);
    expect(takeOutSealed(before, { keys: [], count: 0 })).toBe(before);
  });

  test.each([
    ['fewer entries than were counted', 48, { ...sealed, count: 3 }],
    ['room for fewer', 16, sealed],
  ])('is not made with %s', (_, room, wanted) => {
    expect(() => takeOutSealed(linked(room), wanted)).toThrow('2 branches with sealed keys');
  });
});

/** The new code of a fixture, where one symbol may be sealed. */
function extractFrom(label: string, more: readonly string[], key: string, sealed: Sealed): NewCode {
  const [pre, post] = [[], ['-DPOST']].map(
    (flags) => new ElfObject(compile(fixture(label), [...sectionFlags, ...more, ...flags]), label),
  ) as [ElfObject, ElfObject];
  const tables = inferTableSizes([pre, post]);
  const resolve = (_: string, { name }: ElfSymbol) => {
    const found = { kind: 'klp', object: 'vmlinux', name, position: 1 } as const;
    return { ...found, sealed: name === key ? sealed : undefined };
  };
  return extractNewCode({
    id: 'fix',
    objects: [{ label, diff: diffObjects(pre, post, label, tables) }],
    program: { spanOf: () => 0, keyOf: () => undefined },
    tables,
    resolver: { external: resolve, own: resolve },
  });
}

describe('new code', () => {
  const extract = (sealed: Sealed) => extractFrom('first.c', [], 'feature', sealed);

  test('says which of its branches have a sealed key', () => {
    expect(extract(true).sealed).toEqual({ keys: ['ksplice.vmlinux.1.feature'], count: 1 });
    expect(extract(undefined).sealed).toEqual({ keys: [], count: 0 });
  });

  test('is refused where nothing tells whether a key is sealed', () => {
    expect(() => extract('unknown')).toThrow(
      expect.objectContaining({
        code: 'unresolved-symbol',
        message:
          'first.c: feature: it is a static key, and nothing shows whether it is already read-only',
      }),
    );
  });

  test.each([
    ['listed', ['-DSITES'], true],
    ['listed, and nothing tells', ['-DSITES'], 'unknown'],
    ['to be listed', [], true],
    ['to be listed, and of the object itself', ['-DOWN'], undefined],
  ] as const)('is refused for a static call with a sealed key: %s', (_, flags, sealed) => {
    expect(() => extractFrom('sealed-call.c', flags, '__SCK__chosen', sealed)).toThrow(
      expect.objectContaining({
        code: 'unresolved-symbol',
        message: expect.stringMatching(
          /^sealed-call\.c: __SCK__chosen: it is the key of a static call/,
        ),
      }),
    );
  });

  test.each([[['-DSITES']], [[]]])('is made for a static call with another key, %j', (flags) => {
    const { changes } = extractFrom('sealed-call.c', flags, '__SCK__chosen', undefined);
    expect(changes.map(({ name }) => name)).toEqual(['calls']);
  });
});
