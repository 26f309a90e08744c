import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as R from '../../src/arch/x86/relocations.js';
import * as C from '../../src/elf/constants.js';
import { modelOf, newSection, newSymbol } from '../../src/elf/model.js';
import { ElfObject } from '../../src/elf/object.js';
import { writeObject } from '../../src/elf/writer.js';
import { compile, sectionFlags } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

const fixture = (name: string) => path.join(import.meta.dirname, '../fixtures/elf', name);
const rewrite = (data: Buffer) => writeObject(modelOf(new ElfObject(data, 'file.o')));

describe('an object that is read and written again', () => {
  test.each([
    ['plain', []],
    ['with a section for each function', sectionFlags],
    ['with debug information', ['-g', ...sectionFlags]],
  ])('%s: the linker makes the same bytes of it', (_, flags) => {
    const original = compile(fixture('sample.c'), flags);
    const linked = (data: Buffer) =>
      withFiles({ 'a.o': data }, (folder) => {
        run(folder, 'ld', '-r', '-o', 'linked.o', 'a.o');
        return readFileSync(path.join(folder, 'linked.o'));
      });
    const copy = rewrite(original);
    expect(linked(copy).equals(linked(original))).toBe(true);
    expect(rewrite(copy).equals(copy)).toBe(true);
  });

  test('disassembles to the same text, relocations included', () => {
    const original = compile(fixture('sample.c'), sectionFlags);
    const text = (data: Buffer) =>
      withFiles({ 'a.o': data }, (folder) => run(folder, 'objdump', '-drs', 'a.o'));
    const disassembly = text(original);
    expect(disassembly).toContain('R_X86_64_PLT32\telsewhere');
    expect(text(rewrite(original))).toBe(disassembly);
  });

  test('may have more sections than 16 bits can number', () => {
    const copy = rewrite(compile(fixture('many.S')));
    withFiles({ 'a.o': copy }, (folder) => {
      expect(run(folder, 'readelf', '-Wh', 'a.o')).toMatch(
        /Number of section headers: +0 \(6\d{4}\)/,
      );
      const symbols = run(folder, 'readelf', '-Ws', 'a.o').split('\n');
      const last = symbols.find((line) => line.endsWith(' f65999'))!;
      const index = Number(/(\d+) f65999$/.exec(last)![1]);
      expect(index).toBeGreaterThan(C.SHN_XINDEX);
      expect(new ElfObject(copy, 'a.o').sections[index]?.name).toBe('.text.f65999');
      run(folder, 'objdump', '-d', '-j', '.text.f65999', 'a.o');
    });
  });

  test('a part with SHF_LINK_ORDER stays with its section', () => {
    const copy = rewrite(compile(fixture('sample.c'), ['-fpatchable-function-entry=4']));
    const object = new ElfObject(copy, 'a.o');
    const entries = object.section('__patchable_function_entries')!;
    expect(object.sections[entries.link]?.name).toBe('.text');
  });
});

describe('an object made from nothing', () => {
  test('puts local symbols first and says where the global ones begin', () => {
    const text = newSection({
      name: '.text',
      type: C.SHT_PROGBITS,
      flags: C.SHF_ALLOC | C.SHF_EXECINSTR,
      data: Buffer.from('e800000000c3', 'hex'),
      addralign: 16,
    });
    const callee = newSymbol({ name: 'callee' });
    const caller = newSymbol({ name: 'caller', type: C.STT_FUNC, section: text, size: 6 });
    const label = newSymbol({ name: 'label', binding: C.STB_LOCAL, section: text, value: 5 });
    text.relocations.push({ offset: 1, type: R.R_X86_64_PLT32, symbol: callee, addend: -4 });
    const bss = newSection({
      name: '.bss',
      type: C.SHT_NOBITS,
      flags: C.SHF_ALLOC | C.SHF_WRITE,
      size: 4096,
      addralign: 32,
    });
    const data = writeObject({ sections: [text, bss], symbols: [callee, caller, label] });
    const object = new ElfObject(data, 'made.o');
    expect(object.symbols.map((symbol) => symbol.name)).toEqual(['', 'label', 'callee', 'caller']);
    expect(object.section('.symtab')?.info).toBe(2);
    expect(object.section('.bss')?.size).toBe(4096);
    expect(data.length).toBeLessThan(4096);
    withFiles({ 'made.o': data }, (folder) => {
      expect(run(folder, 'objdump', '-dr', 'made.o')).toContain('R_X86_64_PLT32\tcallee-0x4');
      expect(run(folder, 'readelf', '-aW', 'made.o')).not.toMatch(/warning|error/i);
    });
  });

  test('a reference to a part that is not in the model is a bug of the caller', () => {
    const symbol = newSymbol({ name: 'stray' });
    const section = newSection({ name: '.data', type: C.SHT_PROGBITS, flags: C.SHF_ALLOC });
    section.relocations.push({ offset: 0, type: R.R_X86_64_64, symbol, addend: 0 });
    expect(() => writeObject({ sections: [section], symbols: [] })).toThrow('not in it');
  });
});

describe('what has no model', () => {
  test('an executable is refused', () => {
    const executable = withFiles({ 'a.c': Buffer.from('void _start(void) {}') }, (folder) => {
      run(folder, 'gcc', '-nostdlib', '-static', '-o', 'a.out', 'a.c');
      return readFileSync(path.join(folder, 'a.out'));
    });
    expect(() => rewrite(executable)).toThrow(
      expect.objectContaining({ code: 'unsupported-object' }),
    );
  });

  test('section groups are refused', () => {
    const grouped = withFiles(
      { 'a.s': Buffer.from('.section .text.f,"axG",@progbits,f,comdat\nf: ret\n') },
      (folder) => {
        run(folder, 'gcc', '-c', '-o', 'a.o', 'a.s');
        return readFileSync(path.join(folder, 'a.o'));
      },
    );
    expect(() => rewrite(grouped)).toThrow(/section groups/);
  });
});
