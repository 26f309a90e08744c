// The reader against what the compiler writes, and against damage.

import { describe, expect, it } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { readBtf } from '../../src/btf/read.js';
import type { BtfType } from '../../src/btf/types.js';
import { compile } from '../layout/compile.js';

const SOURCE = `
typedef unsigned long size;
enum color { RED, GREEN = 5, BLUE = -1 };
union both { int i; float f; };
struct later;
struct all {
	_Bool yes; signed char c; unsigned short s;
	unsigned a:3, b:7; enum color color:4;
	const volatile char *restrict name;
	union both both[2][3];
	struct later *later; size (*op)(struct all *, ...);
	struct { int inner; };
	char rest[];
};
struct all *all;
`;

const section = () => compile(SOURCE).section('.BTF')!.data;

function named<K extends BtfType['kind']>(types: BtfType[], kind: K, name: string) {
  const found = types.find((type) => type.kind === kind && 'name' in type && type.name === name);
  return found as Extract<BtfType, { kind: K }>;
}

describe('readBtf', () => {
  it('reads every kind of type', () => {
    const types = readBtf(section(), 'a.o');
    const all = named(types, 'struct', 'all') as Extract<BtfType, { kind: 'struct' | 'union' }>;
    const places = all.members.map(({ name, offset, width }) => [name, offset, width]);
    expect(places).toEqual([
      ['yes', 0, undefined],
      ['c', 8, undefined],
      ['s', 16, undefined],
      ['a', 32, 3],
      ['b', 35, 7],
      ['color', 42, 4],
      ['name', 64, undefined],
      ['both', 128, undefined],
      ['later', 320, undefined],
      ['op', 384, undefined],
      ['', 448, undefined],
      ['rest', 480, undefined],
    ]);
    const color = named(types, 'enum', 'color');
    expect(color.enumerators).toEqual([
      { name: 'RED', value: 0n },
      { name: 'GREEN', value: 5n },
      { name: 'BLUE', value: -1n },
    ]);
    expect(named(types, 'forward', 'later').of).toBe('struct');
    const size = types.find((type) => 'name' in type && type.name === 'long unsigned int');
    expect(types.some((type) => type.kind === 'typedef' && type.name === 'size')).toBe(true);
    expect(size).toEqual({ kind: 'int', name: 'long unsigned int', size: 8, signed: false });
    const call = types.find((type) => type.kind === 'prototype' && type.parameters.length === 2);
    expect(call).toMatchObject({ parameters: [{}, { type: 0 }] });
  });

  it('refuses what is no BTF, and says whose it is', () => {
    expect(() => readBtf(Buffer.alloc(64), 'x.o')).toThrow(/^x\.o: .*no BTF in it/);
  });

  it('answers to damage with types or with an error of its own, and soon', () => {
    const data = section();
    let refused = 0;
    for (let at = 0; at < data.length; at += 3) {
      for (const value of [0, 0xff, data[at]! ^ 0x10]) {
        const damaged = Buffer.from(data);
        damaged[at] = value;
        try {
          readBtf(damaged, 'a.o');
        } catch (error) {
          expect(error).toBeInstanceOf(KspliceError);
          refused++;
        }
      }
    }
    for (let length = 0; length < data.length; length += 7) {
      expect(() => readBtf(data.subarray(0, length), 'a.o')).toThrow(KspliceError);
    }
    expect(refused).toBeGreaterThan(100);
  });
});
