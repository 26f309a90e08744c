// New per-cpu variables: in the one section that the module loader knows, each
// aligned as it was, without what is in the running kernel.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkPerCpu, perCpuReserve } from '../../src/create/code/per-cpu-reserve.js';
import { diffObjects } from '../../src/diff/index.js';
import * as C from '../../src/elf/constants.js';
import { newSection, newSymbol } from '../../src/elf/model.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { writeObject } from '../../src/elf/writer.js';
import { extractNewCode } from '../../src/extract/index.js';
import { perCpuSize } from '../../src/extract/per-cpu.js';
import { compile, sectionFlags } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

const source = path.join(import.meta.dirname, '../fixtures/extract/percpu.c');
const read = (...flags: string[]) =>
  new ElfObject(compile(source, [...sectionFlags, ...flags]), 'percpu.o');
const [pre, post] = [read(), read('-DPOST')];
const tables = inferTableSizes([pre, post]);
const diff = diffObjects(pre, post, 'percpu.o', tables);
const code = extractNewCode({
  id: 'fix',
  objects: [{ label: 'percpu.o', diff }],
  program: { spanOf: () => 0, keyOf: () => undefined },
  resolver: {
    external: (_, { name }) => ({ kind: 'klp', object: 'vmlinux', name, position: 1 }),
    own: (_, { name }) => ({ kind: 'klp', object: 'vmlinux', name, position: 1 }),
  },
  tables,
});
const made = new ElfObject(code.object, 'new.o');

/** As the linker leaves it in a module. */
function linked(): ElfObject {
  return withFiles({ 'new.o': code.object }, (directory) => {
    run(directory, 'ld', '-r', '-o', 'linked.o', 'new.o');
    return new ElfObject(readFileSync(path.join(directory, 'linked.o')), 'linked.o');
  });
}

test('are in one section', () => {
  const names = made.sections.map(({ name }) => name).filter((name) => name.includes('percpu'));
  expect(new Set(names)).toEqual(new Set(['.data..percpu', '.rela.data..percpu']));
});

test('without the old ones', () => {
  const here = made.symbols.filter(
    ({ section, type }) => section?.name === '.data..percpu' && type === C.STT_OBJECT,
  );
  expect(here.map(({ name }) => name).sort()).toEqual(
    ['new_aligned', 'new_mostly', 'new_page', 'new_plain', 'new_pointer'].map(
      (name) => `${name}.ksplice_fix`,
    ),
  );
  // 4 + 4 + 8 + 80 + 4096 bytes and what their alignment takes.
  expect(perCpuSize(made)).toBeLessThan(2 * 4096 + 256);
  expect(perCpuSize(made)).toBeGreaterThanOrEqual(4096 + 96);
});

test('with their values and alignment, and what leads to them leads there', () => {
  const object = linked();
  const symbolNamed = (name: string) =>
    object.symbols.find((symbol) => symbol.name === `${name}.ksplice_fix`)!;
  const value = (name: string) => {
    const { section, value: at } = symbolNamed(name);
    return section!.data.readInt32LE(at);
  };
  expect([value('new_plain'), value('new_mostly'), value('new_aligned')]).toEqual([3, 4, 0]);
  expect(symbolNamed('new_aligned').value % 64).toBe(0);
  expect(symbolNamed('new_page').value % 4096).toBe(0);
  expect(symbolNamed('new_aligned').section!.addralign).toBe(4096);
  const places = object
    .relocations(object.section('.text.count_all')!)
    .filter(({ symbol }) => symbol.section)
    .map(({ symbol, addend }) => symbol.value + addend);
  const wanted: readonly (readonly [string, number])[] = [
    ['new_plain', 0],
    ['new_mostly', 0],
    ['new_aligned', 12],
    ['new_page', 8],
    ['new_pointer', 0],
  ];
  const expected = wanted.map(([name, offset]) => symbolNamed(name).value + offset);
  // Some of these operands are relative to the instruction, which is four bytes less.
  const plain = new Set(places.flatMap((place) => [place, place + 4]));
  for (const place of expected) expect(plain).toContain(place);
  const pointer = symbolNamed('new_pointer');
  const [relocation] = object
    .relocations(pointer.section!)
    .filter(({ offset }) => offset === pointer.value);
  expect(relocation!.symbol.section?.name).toBe('.data.target');
});

test('that need more than the kernel has for all modules are refused', () => {
  const newCode = { ...code, object: largeObject(9000) };
  expect(() =>
    checkPerCpu([{ target: 'vmlinux', newCode: code }], perCpuReserve('')),
  ).not.toThrow();
  expect(() => checkPerCpu([{ target: 'vmlinux', newCode }], perCpuReserve(''))).toThrow(
    /take 9000 bytes .* has 8192 /,
  );
  const config = 'CONFIG_MEM_ALLOC_PROFILING=y\n';
  expect(() => checkPerCpu([{ target: 'vmlinux', newCode }], perCpuReserve(config))).not.toThrow();
});

function largeObject(size: number): Buffer {
  const section = newSection({
    name: '.data..percpu',
    type: C.SHT_PROGBITS,
    flags: C.SHF_ALLOC | C.SHF_WRITE,
    data: Buffer.alloc(size),
    size,
  });
  return writeObject({ sections: [section], symbols: [newSymbol({ name: 'large', section })] });
}
