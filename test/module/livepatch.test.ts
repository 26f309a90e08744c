import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import * as C from '../../src/elf/constants.js';
import { ElfObject } from '../../src/elf/object.js';
import { convertToLivepatch } from '../../src/module/livepatch.js';
import { compile } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

const fixture = (name: string) => path.join(import.meta.dirname, '../fixtures/extract', name);
const bindings = [
  { symbol: 'hidden_function', object: 'vmlinux', name: 'hidden.constprop.0', position: 2 },
  { symbol: 'module_data', object: 'sctp', name: 'table', position: 1 },
  { symbol: 'maybe', object: 'vmlinux', name: 'maybe', position: 1 },
  { symbol: 'not_used_at_all', object: 'vmlinux', name: 'x', position: 1 },
];

describe('a module converted to a livepatch module', () => {
  const before = compile(fixture('module.c'), ['-g']);
  const data = convertToLivepatch(before, bindings);
  const after = new ElfObject(data, 'module.ko');
  const named = (name: string) => after.symbols.filter((symbol) => symbol.name === name);

  test('its klp symbols carry object, name and position', () => {
    for (const name of [
      '.klp.sym.vmlinux.hidden.constprop.0,2',
      '.klp.sym.sctp.table,1',
      '.klp.sym.vmlinux.maybe,1',
    ]) {
      expect(named(name).map(({ shndx, binding }) => ({ shndx, binding }))).toEqual([
        { shndx: C.SHN_LIVEPATCH, binding: C.STB_GLOBAL },
      ]);
    }
    expect(after.symbols.some((symbol) => symbol.name === 'hidden_function')).toBe(false);
  });

  test('an exported symbol stays undefined', () => {
    expect(named('exported').map((symbol) => symbol.shndx)).toEqual([C.SHN_UNDEF]);
  });

  test('each relocation is either plain or klp, and none is lost', () => {
    const original = new ElfObject(before, 'module.o');
    const rows = (object: ElfObject, pattern: RegExp) =>
      object.sections
        .filter((section) => section.type === C.SHT_RELA && pattern.test(section.name))
        .map((section) => section.size / 24)
        .reduce((sum, count) => sum + count, 0);
    const loaded = /^\.rela\.(text|data|rodata)/;
    const klp = after.sections.filter((section) => section.name.startsWith('.klp.rela.'));
    expect(klp.map((section) => section.name).sort()).toEqual([
      '.klp.rela.vmlinux..data',
      '.klp.rela.vmlinux..text',
    ]);
    expect(rows(after, loaded) + rows(after, /^\.klp\.rela/)).toBe(rows(original, loaded));
    for (const section of klp) {
      expect(section.flags).toBe(C.SHF_ALLOC | C.SHF_INFO_LINK | C.SHF_RELA_LIVEPATCH);
      expect(section.name).toBe(`.klp.rela.vmlinux.${after.sections[section.info]!.name}`);
      expect(after.sections[section.link]?.type).toBe(C.SHT_SYMTAB);
      for (let at = 0; at < section.size; at += 24) {
        const symbol = after.symbols[section.data.readUInt32LE(at + 12)]!;
        expect(symbol.shndx).toBe(C.SHN_LIVEPATCH);
      }
    }
  });

  test('plain relocations name no livepatch symbol', () => {
    for (const section of after.sections) {
      for (const relocation of after.relocations(section)) {
        expect(relocation.symbol.shndx).not.toBe(C.SHN_LIVEPATCH);
      }
    }
  });

  test('it says so in its modinfo, once', () => {
    const lines = after.section('.modinfo')!.data.toString('latin1').split('\0');
    expect(lines).toEqual(['license=GPL', 'livepatch=Y', '']);
    expect(() => convertToLivepatch(data, bindings)).toThrow(
      expect.objectContaining({ code: 'unsupported-object' }),
    );
  });

  test('binutils read it without complaint', () => {
    withFiles({ 'module.ko': data }, (folder) => {
      expect(run(folder, 'readelf', '-aW', 'module.ko')).not.toMatch(/warning|error/i);
      expect(run(folder, 'objdump', '-dr', 'module.ko')).toContain('exported');
    });
  });

  test('a damaged module is converted or refused, and nothing else', () => {
    // A linear congruential generator: the same damage every time.
    let seed = 1;
    const random = (limit: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % limit;
    };
    let refused = 0;
    for (let round = 0; round < 400; round++) {
      const damaged = Buffer.from(before);
      // Half of the hits go to the section headers, which are at the end.
      const headers = Number(before.readBigUInt64LE(40));
      for (let hits = 0; hits < 4; hits++) {
        const at = hits % 2 ? random(before.length) : headers + random(before.length - headers);
        damaged[at] = random(256);
      }
      try {
        new ElfObject(convertToLivepatch(damaged, bindings), 'again.ko');
      } catch (error) {
        expect(error, `round ${round}`).toBeInstanceOf(KspliceError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(400);
  });

  test('an object without modinfo is refused', () => {
    const plain = compile(path.join(import.meta.dirname, '../fixtures/elf/sample.c'));
    expect(() => convertToLivepatch(plain, [])).toThrow(/\.modinfo/);
  });
});
