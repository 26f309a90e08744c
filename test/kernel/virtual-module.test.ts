// The oracle is the linker: given the same addresses, it must make the same bytes.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import * as C from '../../src/elf/constants.js';
import { ElfObject } from '../../src/elf/object.js';
import { layOut, type Room } from '../../src/kernel/virtual-module.js';
import { compile } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

const source = path.join(import.meta.dirname, '../fixtures/kernel/module.c');
const ko = compile(source);

const OUTSIDE = new Map([
  ['exported_function', 0xffffffff81234560n],
  ['exported_data', 0xffffffff82abcd08n],
  ['elsewhere', 0xffffffffe0000010n],
]);
const room = (): Room => ({ next: 0xffffffffc0123456n, nextPerCpu: 0x2f008n });
const laidOut = () =>
  layOut('fixture', new ElfObject(ko, 'module.ko'), room(), (name) => OUTSIDE.get(name));

/** The same object linked by ld, every section at the address that the layout gave it. */
function linked(): ElfObject {
  const module = laidOut();
  const sections = module.object.sections.filter((section) => section.flags & C.SHF_ALLOC);
  const hex = (value: bigint) => `0x${value.toString(16)}`;
  const script = [
    'SECTIONS {',
    ...sections.map(
      (section) => `  ${section.name} ${hex(module.placeOf(section)!)} : { *(${section.name}) }`,
    ),
    '}',
    ...[...OUTSIDE].map(([name, value]) => `${name} = ${hex(value)};`),
    'maybe = 0;',
  ].join('\n');
  return withFiles({ 'module.o': ko, 'link.ld': Buffer.from(script) }, (folder) => {
    const flags = ['--no-relax', '--no-check-sections', '-e', 'work', '--orphan-handling=discard'];
    run(folder, 'ld', ...flags, '-T', 'link.ld', '-o', 'out', 'module.o');
    return new ElfObject(readFileSync(path.join(folder, 'out')), 'linked');
  });
}

describe('a module laid out as the loader would', () => {
  const module = laidOut();

  test('holds, byte for byte, what the linker makes of it at these addresses', () => {
    const object = linked();
    const compared: string[] = [];
    for (const region of module.regions) {
      const section = object.sections.find(
        (it) => it.addr === region.address && it.data.length > 0,
      );
      expect(section?.data.equals(region.bytes())).toBe(true);
      compared.push(section!.name);
    }
    expect(compared).toEqual(expect.arrayContaining(['.text', '.exit.text', '.data', '.rodata']));
    expect(compared.filter((name) => name.startsWith('.init') || name.includes('percpu'))).toEqual(
      [],
    );
  });

  test('has the symbols that kallsyms would have', () => {
    const names = module.symbols.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['local', 'work', 'stop', 'table', 'counter']));
    expect(names).not.toContain('start');
    expect(names).not.toContain('elsewhere');
    expect(module.symbols.find(({ name }) => name === 'local')?.type).toBe('t');
    expect(module.symbols.find(({ name }) => name === 'work')?.type).toBe('T');
    // Per-cpu symbols are offsets in the per-cpu area.
    expect(module.index.lookup('counter')).toEqual([0x2f008n]);
  });

  test('has no two sections in one place', () => {
    const places = module.object.sections
      .filter((section) => section.flags & C.SHF_ALLOC && section.size > 0)
      .map((section) => ({ start: module.placeOf(section)!, size: BigInt(section.size) }))
      .sort((a, b) => (a.start < b.start ? -1 : 1));
    places.slice(1).forEach((place, index) => {
      const before = places[index]!;
      expect(place.start >= before.start + before.size).toBe(true);
    });
  });
});

describe('a module that cannot be loaded', () => {
  const attempt = (data: Buffer, resolve: (name: string) => bigint | undefined) => {
    try {
      const { regions } = layOut('fixture', new ElfObject(data, 'module.ko'), room(), resolve);
      for (const region of regions) region.bytes();
      return 'none';
    } catch (error) {
      if (error instanceof KspliceError) return error;
      throw error;
    }
  };

  test('is one with a symbol that nothing defines', () => {
    const error = attempt(ko, (name) => (name === 'elsewhere' ? undefined : OUTSIDE.get(name)));
    expect(error).toMatchObject({
      code: 'bad-image',
      message: expect.stringContaining('elsewhere'),
    });
  });

  test('is one with a symbol that is out of reach', () => {
    const error = attempt(ko, (name) => (OUTSIDE.get(name) ?? 0n) - 0x100000000n);
    expect(error).toMatchObject({
      code: 'bad-image',
      message: expect.stringContaining('out of range'),
    });
  });

  test('is an object without the section that makes it a module', () => {
    const plain = withFiles({ 'a.c': Buffer.from('int f(void) { return 1; }') }, (folder) =>
      compile(path.join(folder, 'a.c')),
    );
    expect(attempt(plain, () => 0n)).toMatchObject({ code: 'bad-image' });
  });

  test('is any that was cut or altered, and nothing worse happens', () => {
    for (let at = 0; at < ko.length; at += 41) {
      expect(attempt(ko.subarray(0, at), (name) => OUTSIDE.get(name))).not.toBe('none');
    }
    let seed = 7;
    for (let round = 0; round < 300; round++) {
      const broken = Buffer.from(ko);
      for (let change = 0; change < 4; change++) {
        seed = (seed * 48271) % 0x7fffffff;
        broken[seed % broken.length] = seed >> 8;
      }
      attempt(broken, (name) => OUTSIDE.get(name));
    }
  });
});
