import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as C from '../../src/elf/constants.js';
import { ElfObject } from '../../src/elf/object.js';
import { bindToAddresses, isLivepatchModule } from '../../src/module/absolute.js';
import { convertToLivepatch } from '../../src/module/livepatch.js';
import { compile } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

const bindings = [
  { symbol: 'hidden_function', object: 'vmlinux', name: 'hidden.constprop.0', position: 2 },
  { symbol: 'module_data', object: 'sctp', name: 'table', position: 1 },
  { symbol: 'maybe', object: 'vmlinux', name: 'maybe', position: 1 },
];
const plain = compile(path.join(import.meta.dirname, '../fixtures/extract/module.c'));
const ko = convertToLivepatch(plain, bindings);

const kernel: Record<string, bigint[]> = {
  'vmlinux hidden.constprop.0': [0xffffffff81000010n, 0xffffffff81abcdefn, 0xffffffff82000000n],
  'sctp table': [0xffffffffc0123458n],
  // As a per-cpu variable has it.
  'vmlinux maybe': [0x1f0c0n],
};
const addresses = (name: string, object: string) => kernel[`${object} ${name}`] ?? [];

describe('a livepatch module for a kernel without livepatch', () => {
  const bound = bindToAddresses(ko, 'm.ko', addresses);
  const object = new ElfObject(bound, 'm.ko');

  test('has the address of each symbol, by object, name and position', () => {
    const table = withFiles({ 'm.ko': bound }, (folder) => run(folder, 'readelf', '-sW', 'm.ko'));
    const rows = [...table.matchAll(/^ *\d+: (\w+) .* (\S+) \.klp\.sym\.(\S+)$/gm)];
    expect(rows.map(([, value, section, name]) => [name, section, value]).sort()).toEqual([
      ['sctp.table,1', 'ABS', 'ffffffffc0123458'],
      ['vmlinux.hidden.constprop.0,2', 'ABS', 'ffffffff81abcdef'],
      ['vmlinux.maybe,1', 'ABS', '000000000001f0c0'],
    ]);
    expect(isLivepatchModule(new ElfObject(ko, 'm.ko'))).toBe(true);
    expect(isLivepatchModule(object)).toBe(false);
  });

  test('has only relocations that any loader applies', () => {
    const rela = object.sections.filter(({ type }) => type === C.SHT_RELA);
    expect(rela.filter(({ name }) => name.startsWith('.klp.rela.'))).toHaveLength(2);
    for (const section of rela) expect(section.flags).toBe(C.SHF_INFO_LINK);
  });

  test('does not say that it is one', () => {
    const lines = object.section('.modinfo')!.data.toString('latin1').split('\0');
    expect(lines.filter((line) => line !== '')).toEqual(['license=GPL']);
  });

  test('need have no such symbol: the loader goes by what it says', () => {
    const marked = convertToLivepatch(plain, []);
    expect(isLivepatchModule(new ElfObject(plain, 'm.ko'))).toBe(false);
    expect(isLivepatchModule(new ElfObject(marked, 'm.ko'))).toBe(true);
    const freed = bindToAddresses(marked, 'm.ko', addresses);
    expect(isLivepatchModule(new ElfObject(freed, 'm.ko'))).toBe(false);
  });

  test('is the same in all other bytes', () => {
    const before = new ElfObject(ko, 'm.ko');
    const changed = [...bound.keys()].filter((at) => bound[at] !== ko[at]);
    const symbols = before.symbolTable!;
    const modinfo = before.section('.modinfo')!;
    const headers = Number(ko.readBigUInt64LE(40));
    const isExpected = (at: number) =>
      at >= headers ||
      [symbols, modinfo].some(({ offset, size }) => at >= offset && at < offset + size);
    expect(changed.filter((at) => !isExpected(at))).toEqual([]);
    expect(bound.length).toBe(ko.length);
  });

  test('is refused with all names that this kernel does not have', () => {
    const few = (name: string, object: string) =>
      name === 'maybe' ? [] : addresses(name, object).slice(0, 1);
    expect(() => bindToAddresses(ko, 'm.ko', few)).toThrow(
      expect.objectContaining({
        code: 'unresolved-symbol',
        details: {
          symbols: ['.klp.sym.vmlinux.maybe,1', '.klp.sym.vmlinux.hidden.constprop.0,2'],
        },
      }),
    );
  });
});
