import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { relocationShape } from '../../src/arch/relocations.js';
import * as R from '../../src/arch/x86/relocations.js';
import { KspliceError } from '../../src/base/errors.js';
import { diffObjects } from '../../src/diff/index.js';
import * as C from '../../src/elf/constants.js';
import { ElfObject, type ElfSymbol, type Relocation, type Section } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import type {
  ChangedObject,
  ProgramIndex,
  Ref,
  SymbolResolver,
} from '../../src/extract/extraction.js';
import { extractNewCode } from '../../src/extract/index.js';
import { compile, sectionFlags } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

const fixture = (name: string) => path.join(import.meta.dirname, '../fixtures/extract', name);

function changedObject(name: string): ChangedObject {
  const object = (...flags: string[]) =>
    new ElfObject(compile(fixture(name), [...sectionFlags, ...flags]), name);
  const [pre, post] = [object(), object('-DPOST')];
  return { label: name, diff: diffObjects(pre, post, name, inferTableSizes([pre, post])) };
}

const objects = [changedObject('first.c'), changedObject('second.c')];
const tables = inferTableSizes(objects.flatMap(({ diff }) => [diff.pre, diff.post]));

/** As though "exported" were exported and all else had the position of its object. */
const resolver: SymbolResolver = {
  external: (_, { name, binding }) => {
    if (name === 'exported') return { kind: 'exported', namespace: 'CORNER' };
    if (binding === C.STB_WEAK) return { kind: 'absent' };
    return { kind: 'klp', object: 'vmlinux', name, position: 1 };
  },
  own: (label, { name, binding }) => ({
    kind: 'klp',
    object: 'vmlinux',
    name,
    position: label === 'second.c' && binding === C.STB_LOCAL ? 2 : 1,
  }),
};

/** Every symbol has a key of its own, 16 bytes before it. */
const keys: string[] = [];
const program: ProgramIndex = {
  spanOf: (label, name) =>
    objects.findIndex((object) => object.label === label) * 100 + name.length,
  keyOf: (label, name) => {
    const id = `${label} ${name}`;
    if (!keys.includes(id)) keys.push(id);
    return { key: keys.indexOf(id), offset: 16 };
  },
};

const code = extractNewCode({ id: 'fix', objects, program, resolver, tables });
const made = new ElfObject(code.object, 'new_code.o');

const symbolsNamed = (name: string) => made.symbols.filter((symbol) => symbol.name === name);
/** The new code of a function: where its ksplice_new_N is. */
function newCodeOf(name: string): ElfSymbol {
  const change = code.changes.find((entry) => entry.name === name)!;
  return symbolsNamed(change.symbol)[0]!;
}
/** What a relocation leads to: "unchanged in .text.unchanged", "hidden undefined". */
function inWords({ symbol, addend, type }: Relocation): string {
  const target = symbol.type === C.STT_SECTION ? symbol.section!.name : symbol.name;
  const place = symbol.section ? 'here' : symbol.binding === C.STB_WEAK ? 'weak' : 'undefined';
  return `${target} ${place}${type === R.R_X86_64_32S ? ` address+${addend}` : ''}`;
}
function cString(section: Section, offset: number): string {
  return section.data.toString('latin1', offset, section.data.indexOf(0, offset));
}
const relocationsOf = (section: Section) => made.relocations(section).map(inWords);

describe('symbols', () => {
  test('each replaced function has a global name for the module source', () => {
    expect(code.changes).toEqual([
      { label: 'first.c', name: 'first_changed', span: 13, symbol: 'ksplice_new_0', isData: false },
      {
        label: 'second.c',
        name: 'second_changed',
        span: 114,
        symbol: 'ksplice_new_1',
        isData: false,
      },
    ]);
    for (const { name, symbol } of code.changes) {
      const [alias] = symbolsNamed(symbol);
      const [own] = symbolsNamed(`${name}.ksplice_fix`);
      expect(alias).toMatchObject({ binding: C.STB_GLOBAL, type: C.STT_FUNC, size: own!.size });
      // For backtraces, and so that tracers find the running kernel's alone.
      expect(own).toMatchObject({ binding: C.STB_LOCAL, section: alias!.section, value: 0 });
    }
  });

  test('nothing that stays in the running kernel is defined', () => {
    for (const name of ['unchanged', 'untouched', 'counter', 'setting', 'shared_data', 'feature']) {
      for (const one of [name, `${name}.ksplice_fix`]) {
        expect(symbolsNamed(one).filter((symbol) => symbol.section)).toEqual([]);
      }
    }
    expect(symbolsNamed('added_data.ksplice_fix')).toHaveLength(1);
  });

  test("all that is defined has the update's id in its name", () => {
    const defined = made.symbols.filter(
      ({ section, type }) => section && (type === C.STT_FUNC || type === C.STT_OBJECT),
    );
    const own = defined.filter(({ name }) => !/^ksplice_(new|place|hook)_\d+$/.test(name));
    expect(own.length).toBeGreaterThan(5);
    for (const { name } of own) expect(name).toMatch(/^\w.*\.ksplice_fix(\.cold)?$/);
  });

  test('undefined ones are exported, marked for the loader, or weak', () => {
    const undefinedNames = made.symbols
      .filter((symbol) => symbol.shndx === C.SHN_UNDEF && symbol.name !== '')
      .map((symbol) => symbol.name)
      .sort();
    expect(code.exported).toEqual(['exported']);
    expect(code.namespaces).toEqual(['CORNER']);
    expect(undefinedNames).toEqual(
      [...code.exported, ...code.bindings.map(({ symbol }) => symbol), 'maybe'].sort(),
    );
    // Two static functions of one name in two objects are two symbols.
    expect(code.bindings.filter(({ name }) => name === 'unchanged')).toEqual([
      { symbol: 'ksplice.vmlinux.1.unchanged', object: 'vmlinux', name: 'unchanged', position: 1 },
      { symbol: 'ksplice.vmlinux.2.unchanged', object: 'vmlinux', name: 'unchanged', position: 2 },
    ]);
  });
});

describe('relocations', () => {
  test('lead to new code, to exported symbols or to the running kernel', () => {
    const found = relocationsOf(newCodeOf('first_changed').section!);
    expect(new Set(found)).toEqual(
      new Set([
        'exported undefined',
        'maybe weak',
        'maybe weak address+0',
        '.text.added here',
        'second_added.ksplice_fix here',
        // A call of a replaced function goes to its new code, …
        'second_changed.ksplice_fix here',
        // … its address stays the old one.
        'ksplice.vmlinux.1.first_changed undefined address+0',
        'ksplice.vmlinux.1.second_changed undefined address+0',
        'ksplice.vmlinux.1.hidden undefined',
        'ksplice.vmlinux.1.unchanged undefined',
        'ksplice.vmlinux.1.shared_data undefined',
        'ksplice.vmlinux.1.setting undefined',
        // New data in a section that it shares with old.
        '.data..percpu here',
        'ksplice.vmlinux.1.other_percpu undefined',
        // The descriptor is the one entry of its table that comes along.
        '__dyndbg here address+0',
        '.rodata.first_changed.str1.1 here address+0',
        'ksplice.vmlinux.1.dynamic_pr_debug undefined',
      ]),
    );
  });

  test('change each place once, and only places that hold zero', () => {
    // The module loader refuses any other.
    for (const section of made.sections) {
      const places = made.relocations(section).map(({ offset }) => offset);
      expect(new Set(places).size, section.name).toBe(places.length);
      for (const { offset, type } of made.relocations(section)) {
        const { width } = relocationShape(type)!;
        expect(section.data.subarray(offset, offset + width)).toEqual(Buffer.alloc(width));
      }
    }
    expect(relocationsOf(made.section('.altinstr_replacement')!)).toEqual([
      'ksplice.vmlinux.1.shared_data undefined',
      'ksplice.vmlinux.1.shared_data undefined',
    ]);
  });

  test('another object finds new code by name, and its own static functions', () => {
    expect(new Set(relocationsOf(newCodeOf('second_changed').section!))).toEqual(
      new Set([
        'first_changed.ksplice_fix here',
        'ksplice.vmlinux.1.untouched undefined',
        'ksplice.vmlinux.2.unchanged undefined',
      ]),
    );
  });
});

describe('special tables', () => {
  test('have the entries of kept code only, of all objects one after the other', () => {
    const table = made.section('__bug_table')!;
    const sites = made.relocations(table).filter(({ offset }) => offset % 12 === 0);
    expect(table.size).toBe(sites.length * 12);
    const functions = sites.map(({ symbol, addend }) => {
      const section = symbol.section!;
      const place = symbol.value + addend;
      // The site is an ud2, wherever the entry came from.
      expect([...section.data.subarray(place, place + 2)]).toEqual([0x0f, 0x0b]);
      return section.name.replace(/^\.text(\.unlikely)?\./, '');
    });
    expect(functions.sort()).toEqual([
      'first_changed',
      'first_changed',
      'second_added',
      'second_changed',
    ]);
    expect(made.sectionsNamed('__bug_table')).toHaveLength(1);
  });

  test('an entry that code refers to has moved to the start of its table', () => {
    const table = made.section('__dyndbg')!;
    expect(table.size).toBe(56);
    const strings = made
      .relocations(table)
      .map(({ symbol, addend }) => cString(symbol.section!, symbol.value + addend));
    expect(strings).toEqual(['module', 'first_changed', fixture('first.c'), 'comes along']);
  });

  test('lead to symbols of the running kernel where code would', () => {
    expect(relocationsOf(made.section('__jump_table')!)).toEqual([
      expect.stringMatching(/first_changed(\.ksplice_fix)? here$/),
      expect.stringMatching(/first_changed(\.ksplice_fix)? here$/),
      'ksplice.vmlinux.1.feature undefined',
      expect.stringMatching(/first_changed(\.ksplice_fix)? here$/),
      expect.stringMatching(/first_changed(\.ksplice_fix)? here$/),
      '__dyndbg here',
    ]);
  });
});

describe('places to compare', () => {
  const runAddress = (index: number) => 0x20000000 + index * 256;
  const linked = withFiles({ 'new_code.o': code.object }, (folder) => {
    const symbols = code.bindings.map(
      ({ symbol }, index) => `--defsym=${symbol}=${runAddress(index)}`,
    );
    const place = ['-e', '0', '-Ttext-segment=0x10000000', '--defsym=exported=0x30000000'];
    run(folder, 'ld', '--no-gc-sections', ...place, ...symbols, '-o', 'linked', 'new_code.o');
    return new ElfObject(readFileSync(path.join(folder, 'linked')), 'linked');
  });

  /** What kmodsrc/check.c makes of a place. */
  function valueAt(ref: Ref): number {
    const symbol = linked.symbols.find(({ name }) => name === ref.symbol)!;
    const place = symbol.value + ref.offset;
    const at = place - Number(symbol.section!.addr);
    const number = ref.signed
      ? symbol.section!.data.readInt32LE(at)
      : symbol.section!.data.readUInt32LE(at);
    return number - ref.addend + (ref.pcrel ? place : 0);
  }

  test.each(code.refs)('$symbol+$offset holds the value of key $key', (ref) => {
    const [label, name] = keys[ref.key]!.split(' ');
    const position = name === 'unchanged' && label === 'second.c' ? 2 : 1;
    const index = code.bindings.findIndex(
      (binding) => binding.name === name && binding.position === position,
    );
    expect(valueAt(ref)).toBe(runAddress(index) - 16);
  });

  test('there is one for every klp symbol that plain code refers to', () => {
    const compared = code.refs.map(({ key }) => keys[key]!.split(' ')[1]).sort();
    const referred = code.bindings.map(({ name }) => name);
    // A static key is only in the jump table, which the kernel sorts.
    expect(compared).toEqual(referred.filter((name) => name !== 'feature').sort());
  });

  test('none is where the kernel rewrites code', () => {
    const sites = [made.section('__jump_table')!].flatMap((table) =>
      made
        .relocations(table)
        .filter(({ offset }) => offset % 16 === 0)
        .map(({ symbol, addend }) => ({ section: symbol.section, start: symbol.value + addend })),
    );
    expect(sites).toHaveLength(2);
    for (const ref of code.refs) {
      const [{ section, value }] = symbolsNamed(ref.symbol) as [ElfSymbol];
      const inSite = sites.some(
        (site) =>
          site.section === section &&
          value + ref.offset < site.start + 5 &&
          value + ref.offset + ref.width > site.start,
      );
      expect(inSite).toBe(false);
    }
  });
});

describe('what cannot be had', () => {
  test('all symbols that are missing are named together', () => {
    const missing: SymbolResolver = {
      external: (_, { name }) => ({ kind: 'unresolved', why: 'gone', advice: `Find ${name}.` }),
      own: (_, symbol) => resolver.own('first.c', symbol),
    };
    try {
      extractNewCode({ id: 'fix', objects, program, resolver: missing, tables });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(KspliceError);
      expect(error).toMatchObject({ code: 'unresolved-symbol' });
      for (const name of ['exported', 'hidden', 'maybe']) {
        expect((error as KspliceError).details?.problems).toContainEqual({
          code: 'unresolved-symbol',
          object: 'first.c',
          symbol: name,
          message: `first.c: ${name}: gone`,
          advice: `Find ${name}.`,
        });
      }
    }
  });

  test('a replaced function that the match program does not have', () => {
    const none: ProgramIndex = { spanOf: () => undefined, keyOf: () => undefined };
    const message = expect.stringMatching(/first_changed: .*no such function/);
    expect(() => extractNewCode({ id: 'fix', objects, program: none, resolver, tables })).toThrow(
      expect.objectContaining({
        details: { problems: expect.arrayContaining([expect.objectContaining({ message })]) },
      }),
    );
  });
});

test('binutils accept the object', () => {
  withFiles({ 'new_code.o': code.object }, (folder) => {
    expect(run(folder, 'readelf', '-aW', 'new_code.o')).not.toMatch(/warning|error/i);
    run(folder, 'ld', '-r', '-o', 'linked.o', 'new_code.o');
    run(folder, 'objdump', '-dr', 'linked.o');
  });
});
