import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { relocationShape } from '../../src/arch/relocations.js';
import { KspliceError } from '../../src/base/errors.js';
import * as C from '../../src/elf/constants.js';
import { ElfObject } from '../../src/elf/object.js';
import { compile, sectionFlags } from '../support/compile.js';

const fixture = (name: string) => path.join(import.meta.dirname, '../fixtures/elf', name);

/** What binutils says of the same file. */
function readelf(data: Buffer, ...options: string[]): string[] {
  const directory = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    const file = path.join(directory, 'file.o');
    writeFileSync(file, data);
    return execFileSync('readelf', ['-W', ...options, file], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    }).split('\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Reads all that can be read. */
function readAll(data: Buffer): number {
  const object = new ElfObject(data, 'file.o');
  let count = object.symbols.length;
  for (const section of object.sections) count += object.relocations(section).length;
  return count;
}

describe('a compiled object', () => {
  let data: Buffer;
  let object: ElfObject;
  beforeAll(() => {
    data = compile(fixture('sample.c'), sectionFlags);
    object = new ElfObject(data, 'sample.o');
  });

  test('has the sections that readelf sees', () => {
    const rows = readelf(data, '-S').flatMap((line) => {
      const row =
        /^ +\[ *(\d+)\] (\S+) +(\S+) +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +([A-Z]*) +(\d+) +(\d+) +(\d+)$/.exec(
          line,
        );
      if (!row) return [];
      const [, index, name, , offset, size, entsize, , link, info, align] = row;
      return [
        [name, Number(index), ...[offset, size, entsize].map((hex) => parseInt(hex!, 16))].concat(
          [link, info, align].map(Number),
        ),
      ];
    });
    expect(rows.length).toBe(object.sections.length - 1);
    expect(
      object.sections
        .slice(1)
        .map((s) => [s.name, s.index, s.offset, s.size, s.entsize, s.link, s.info, s.addralign]),
    ).toEqual(rows);
  });

  test('has the relocations that readelf sees', () => {
    const rows = readelf(data, '-r').flatMap((line) => {
      const row =
        /^([0-9a-f]{16}) +[0-9a-f]{16} (R_X86_64_\w+) +\S+ (\S+) ([+-]) ([0-9a-f]+)$/.exec(line);
      if (!row) return [];
      return [`${parseInt(row[1]!, 16)} ${row[2]} ${row[3]} ${row[4]}${row[5]}`];
    });
    const ours = object.sections.flatMap((section) =>
      object.relocations(section).map(({ offset, type, symbol, addend }) => {
        const name = symbol.name || symbol.section?.name;
        const sign = addend < 0 ? '-' : '+';
        return `${offset} ${relocationShape(type)?.name} ${name} ${sign}${Math.abs(addend).toString(16)}`;
      }),
    );
    expect(rows.length).toBeGreaterThan(5);
    expect([...ours].sort()).toEqual([...rows].sort());
  });

  test('tells symbols apart by binding, type and place', () => {
    const find = (name: string) => object.symbols.find((symbol) => symbol.name === name)!;
    expect(find('helper')).toMatchObject({ binding: C.STB_LOCAL, type: C.STT_FUNC });
    expect(find('helper').section?.name).toBe('.text.helper');
    expect(find('counter').section?.type).toBe(C.SHT_NOBITS);
    expect(find('counter')).toMatchObject({ binding: C.STB_GLOBAL, size: 4 });
    expect(find('perhaps')).toMatchObject({ binding: C.STB_WEAK, shndx: C.SHN_UNDEF });
    expect(find('elsewhere').section).toBeUndefined();
  });

  test('cut at any byte is refused or read, never a crash', () => {
    let refused = 0;
    for (let length = 0; length < data.length; length++) {
      try {
        readAll(data.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(KspliceError);
        expect((error as KspliceError).code).toBe('bad-elf');
        refused++;
      }
    }
    // The section headers end the file, so every cut loses one.
    expect(refused).toBe(data.length);
  });

  test('with any byte of its headers changed is refused or read, never a crash', () => {
    const end = 64 + 0;
    const headers = object.sections.length * 64;
    const places = [
      ...Array.from({ length: end }, (_, at) => at),
      ...Array.from({ length: headers }, (_, at) => data.length - headers + at),
    ];
    let refused = 0;
    for (const place of places) {
      for (const value of [0x00, 0x7f, 0xff]) {
        const damaged = Buffer.from(data);
        damaged[place] = value;
        try {
          readAll(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(KspliceError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  test('of another class, byte order or machine is refused by name', () => {
    for (const [offset, value, says] of [
      [4, 1, /64-bit/],
      [5, 2, /little-endian/],
      [18, 183, /machine 183/],
    ] as const) {
      const other = Buffer.from(data);
      other[offset] = value;
      expect(() => new ElfObject(other, 'other.o')).toThrow(says);
    }
  });
});

test('an object with more than 65,279 sections is read whole', () => {
  const object = new ElfObject(compile(fixture('many.S')), 'many.o');
  expect(object.sections.length).toBeGreaterThan(66_000);
  const last = object.symbols.find((symbol) => symbol.name === 'f65999')!;
  expect(last.section?.name).toBe('.text.f65999');
  expect([...last.section!.data]).toEqual([0xc3]);
});
