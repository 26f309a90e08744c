import { describe, expect, it } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { decodeProgram } from '../../src/program/decode.js';
import { encodeProgram } from '../../src/program/encode.js';
import * as L from '../../src/program/layout.js';
import type { Field, Key, Program } from '../../src/program/program.js';

const key = (name: string, more: Partial<Key> = {}): Key => ({
  name,
  label: `net/x.o ${name || '.text'}`,
  kallsyms: name !== '',
  weak: false,
  group: false,
  ...more,
});
const field = (more: Partial<Field> = {}): Field => ({
  offset: 0,
  width: 4,
  pcrel: true,
  signed: true,
  free: false,
  key: 1,
  addend: -4,
  ...more,
});
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

const program: Program = {
  cookie: 0xfedc_ba98_7654_3210n,
  keys: [key(''), key('printk'), key('maybe', { weak: true }), key('', { group: true })],
  spans: [
    {
      name: 'handler',
      label: 'net/x.o',
      search: true,
      weak: false,
      replaced: true,
      key: 0,
      offset: 0x40,
      bytes: bytes('e800000000c3cccccccce800000000c3'),
      items: [
        {
          kind: 'site',
          offset: 0,
          length: 5,
          variants: [
            { bytes: bytes('e800000000'), fields: [field({ offset: 1 })] },
            { bytes: bytes('0f1f440000'), fields: [] },
            { bytes: bytes('e800000000'), fields: [field({ offset: 1, free: true, key: 0 })] },
          ],
        },
        { kind: 'reloc', offset: 11, length: 4, field: field({ key: 2 }) },
      ],
    },
    {
      name: '',
      label: 'net/x.o',
      search: false,
      weak: true,
      replaced: false,
      key: 3,
      offset: 0,
      bytes: bytes('0000000000000000'),
      items: [
        {
          kind: 'reloc',
          offset: 0,
          length: 8,
          field: field({ width: 8, pcrel: false, signed: false, addend: 0x1_0000_0000_0000 }),
        },
      ],
    },
  ],
};

const refusal = (action: () => unknown): KspliceError => {
  try {
    action();
  } catch (error) {
    if (error instanceof KspliceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('encodeProgram and decodeProgram', () => {
  it('give back the same program', () => {
    const decoded = decodeProgram(Uint8Array.from(encodeProgram(program)), 'test');
    expect(decoded).toEqual(program);
  });

  it('store equal strings, bytes and sites once', () => {
    const twice = { ...program, spans: [...program.spans, ...program.spans] };
    const once = encodeProgram(program);
    const double = encodeProgram(twice);
    for (const name of ['strings', 'variants', 'fields', 'bytes'] as const) {
      const at = L.TABLES[name].at + 4;
      expect(double.readUInt32LE(at), name).toBe(once.readUInt32LE(at));
    }
  });

  it('aligns every table', () => {
    const data = encodeProgram(program);
    for (const name of L.TABLE_NAMES) {
      expect(data.readUInt32LE(L.TABLES[name].at) % L.TABLE_ALIGNMENT, name).toBe(0);
    }
  });

  it('does not store what does not fit', () => {
    const spans = [{ ...program.spans[0]!, offset: 2 ** 32 }];
    expect(refusal(() => encodeProgram({ ...program, spans })).code).toBe('internal');
  });
});

describe('a hostile program', () => {
  const good = encodeProgram(program);

  const altered = (change: (data: Buffer) => void): Buffer => {
    const data = Buffer.from(good);
    change(data);
    return data;
  };
  const record = (name: L.TableName, index: number) =>
    good.readUInt32LE(L.TABLES[name].at) + index * L.TABLES[name].record;

  it.each<[string, (data: Buffer) => void]>([
    ['another magic', (data) => data.writeUInt32LE(1, L.HEADER.magic)],
    ['another version', (data) => data.writeUInt32LE(9, L.HEADER.version)],
    ['another size', (data) => data.writeUInt32LE(good.length + 8, L.HEADER.bytes)],
    ['a table beyond the end', (data) => data.writeUInt32LE(0x7ffffff8, L.TABLES.spans.at)],
    ['a table in the header', (data) => data.writeUInt32LE(8, L.TABLES.keys.at)],
    ['an unaligned table', (data) => data.writeUInt32LE(81, L.TABLES.keys.at)],
    ['too many records', (data) => data.writeUInt32LE(0xffffffff, L.TABLES.items.at + 4)],
    ['strings without an end', (data) => data.writeUInt32LE(3, L.TABLES.strings.at + 4)],
    ['no strings', (data) => data.writeUInt32LE(0, L.TABLES.strings.at + 4)],
    ['a string outside', (data) => data.writeUInt32LE(0xffffff, record('keys', 1) + L.KEY.name)],
    ['unknown key flags', (data) => data.writeUInt32LE(0x80, record('keys', 1) + L.KEY.flags)],
    ['a nameless kallsyms key', (data) => data.writeUInt32LE(1, record('keys', 0) + L.KEY.flags)],
    ['a span of no key', (data) => data.writeUInt32LE(4, record('spans', 0) + L.SPAN.key)],
    ['a span too long', (data) => data.writeUInt32LE(9999, record('spans', 0) + L.SPAN.length)],
    ['a span too short', (data) => data.writeUInt32LE(8, record('spans', 0) + L.SPAN.length)],
    ['unknown span flags', (data) => data.writeUInt32LE(8, record('spans', 0) + L.SPAN.flags)],
    ['a nameless search', (data) => data.writeUInt32LE(0, record('spans', 0) + L.SPAN.name)],
    ['items outside', (data) => data.writeUInt32LE(7, record('spans', 0) + L.SPAN.nItems)],
    ['bytes outside', (data) => data.writeUInt32LE(9999, record('spans', 0) + L.SPAN.bytes)],
    ['overlapping items', (data) => data.writeUInt32LE(4, record('items', 1) + L.ITEM.offset)],
    ['an empty item', (data) => data.writeUInt16LE(0, record('items', 1) + L.ITEM.length)],
    ['a relocation of another width', (data) => data.writeUInt16LE(3, record('items', 1) + 4)],
    ['a relocation of no field', (data) => data.writeUInt32LE(99, record('items', 1) + 8)],
    ['variants outside', (data) => data.writeUInt16LE(99, record('items', 0) + L.ITEM.nVariants)],
    ['fields outside', (data) => data.writeUInt16LE(99, record('variants', 0) + 8)],
    ['a variant outside', (data) => data.writeUInt32LE(9999, record('variants', 1))],
    ['a field outside its site', (data) => data.writeUInt16LE(2, record('fields', 0) + 12)],
    ['a field of 3 bytes', (data) => data.writeUInt8(3, record('fields', 0) + L.FIELD.width)],
    ['a field of no key', (data) => data.writeUInt32LE(4, record('fields', 0) + L.FIELD.key)],
    ['unknown field flags', (data) => data.writeUInt8(0x80, record('fields', 0) + L.FIELD.flags)],
    ['a huge addend', (data) => data.writeUInt32LE(0x7fffffff, record('fields', 0) + 4)],
  ])('%s is refused', (_what, change) => {
    const error = refusal(() => decodeProgram(altered(change), 'old.ko'));
    expect(error.code).toBe('bad-program');
    expect(error.message).toContain('old.ko');
  });

  it('cut anywhere is refused', () => {
    for (let length = 0; length < good.length; length++) {
      const error = refusal(() => decodeProgram(good.subarray(0, length), 'old.ko'));
      expect(error.code).toBe('bad-program');
    }
  });

  it('with any byte changed is read or refused, never a crash', () => {
    let refused = 0;
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff, good[at]! ^ 0x40]) {
        try {
          decodeProgram(
            altered((data) => data.writeUInt8(value, at)),
            'old.ko',
          );
        } catch (error) {
          expect(error).toBeInstanceOf(KspliceError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});
