// Which functions of new code are closed to kprobes: seen in the object as the module
// loader reads it.

import path from 'node:path';
import { expect, test } from 'vitest';
import * as R from '../../src/arch/x86/relocations.js';
import { diffObjects } from '../../src/diff/index.js';
import * as C from '../../src/elf/constants.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import type { SymbolResolver } from '../../src/extract/extraction.js';
import { extractNewCode } from '../../src/extract/index.js';
import { compile, sectionFlags } from '../support/compile.js';

const fixture = (name: string) => path.join(import.meta.dirname, '../fixtures/extract', name);
const running: SymbolResolver = {
  external: (_, { name }) => ({ kind: 'klp', object: 'vmlinux', name, position: 1 }),
  own: (_, { name }) => ({ kind: 'klp', object: 'vmlinux', name, position: 1 }),
};

/** The new code of a fixture. */
function newCode(name: string, ...flags: readonly string[]): ElfObject {
  const [pre, post] = [[], ['-DPOST']].map(
    (more) => new ElfObject(compile(fixture(name), [...sectionFlags, ...flags, ...more]), name),
  ) as [ElfObject, ElfObject];
  const tables = inferTableSizes([pre, post]);
  const code = extractNewCode({
    id: 'fix',
    objects: [{ label: name, diff: diffObjects(pre, post, name, tables) }],
    program: { spanOf: () => 0, keyOf: () => undefined },
    resolver: running,
    tables,
  });
  return new ElfObject(code.object, 'new_code.o');
}

/** What the list's entries lead to; each is a whole address. */
function entries(object: ElfObject): string[] {
  const table = object.section('_kprobe_blacklist');
  if (!table) return [];
  const relocations = object.relocations(table);
  expect(table.size).toBe(8 * relocations.length);
  expect(table.flags & C.SHF_ALLOC).toBe(C.SHF_ALLOC);
  return relocations
    .map(({ offset, type, symbol, addend }) => {
      expect([offset % 8, type]).toEqual([0, R.R_X86_64_64]);
      const place = symbol.value + addend;
      const named = object.symbols.find(
        (one) => one.section === symbol.section && one.value === place && one.size > 0,
      );
      const bare = object.symbols.find(
        (one) => one.section === symbol.section && one.value === place && one.name !== '',
      );
      return (named ?? bare)?.name ?? '?';
    })
    .sort();
}

test('what the kernel proper closes by list, section or name is closed in new code as well', () => {
  const object = newCode('kprobes.c');
  expect(entries(object)).toEqual([
    'enters.ksplice_fix',
    'enters_inner.ksplice_fix',
    'idles.ksplice_fix',
    'listed.ksplice_fix',
    'listed.ksplice_fix.cold',
    'parted.part.0.ksplice_fix',
    'parted.part.0.ksplice_fix.cold',
  ]);
  // The loader closes these by their sections' names.
  for (const [name, section] of [
    ['no_instruments', '.noinstr.text'],
    ['no_probes', '.kprobes.text'],
  ]) {
    expect(
      object.symbols.find((symbol) => symbol.name === `${name}.ksplice_fix`)?.section?.name,
    ).toBe(section);
  }
});

test('new code in which nothing is closed has no list', () => {
  expect(newCode('first.c').section('_kprobe_blacklist')).toBeUndefined();
});
