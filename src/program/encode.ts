// A program as the bytes that the kernel reads: kmodsrc/program.h.
//
// Equal strings, equal runs of bytes, equal variants' fields and equal sites
// are stored once: a kernel object has thousands of sites that differ in
// nothing but their place.

import { KspliceError } from '../base/errors.js';
import * as L from './layout.js';
import type { Field, Item, Program, Variant } from './program.js';

/** Grows by doubling; holds one table while it is made. */
class Table {
  private data = Buffer.alloc(4096);
  length = 0;

  /** Room for `size` more bytes, zeroed; where they start. */
  reserve(size: number): number {
    const at = this.length;
    if (at + size > this.data.length) {
      const grown = Buffer.alloc(Math.max(this.data.length * 2, at + size));
      this.data.copy(grown);
      this.data = grown;
    }
    this.length += size;
    return at;
  }
  add(bytes: Uint8Array): number {
    const at = this.reserve(bytes.length);
    this.data.set(bytes, at);
    return at;
  }
  get contents(): Buffer {
    return this.data.subarray(0, this.length);
  }
  u16(at: number, value: number): void {
    this.data.writeUInt16LE(value, at);
  }
  u32(at: number, value: number): void {
    this.data.writeUInt32LE(value, at);
  }
}

class Encoder {
  readonly tables = {
    strings: new Table(),
    keys: new Table(),
    spans: new Table(),
    items: new Table(),
    variants: new Table(),
    fields: new Table(),
    bytes: new Table(),
  } satisfies Record<L.TableName, Table>;
  private readonly strings = new Map<string, number>([['', 0]]);
  private readonly pool = new Map<string, number>();
  private readonly runs = new Map<string, number>();

  constructor() {
    this.tables.strings.reserve(1);
  }

  program(program: Program): Buffer {
    for (const key of program.keys) {
      const at = this.tables.keys.reserve(L.TABLES.keys.record);
      this.tables.keys.u32(at + L.KEY.name, this.string(key.name));
      this.tables.keys.u32(at + L.KEY.label, this.string(key.label));
      const flags =
        (key.kallsyms ? L.KEY_KALLSYMS : 0) |
        (key.weak ? L.KEY_WEAK : 0) |
        (key.group ? L.KEY_GROUP : 0);
      this.tables.keys.u32(at + L.KEY.flags, flags);
    }
    for (const span of program.spans) {
      const items = this.tables.items.length / L.TABLES.items.record;
      for (const item of span.items) this.item(item);
      const at = this.tables.spans.reserve(L.TABLES.spans.record);
      const table = this.tables.spans;
      table.u32(at + L.SPAN.name, this.string(span.name));
      table.u32(at + L.SPAN.label, this.string(span.label));
      const flags =
        (span.search ? L.SPAN_SEARCH : 0) |
        (span.weak ? L.SPAN_WEAK : 0) |
        (span.replaced ? L.SPAN_REPLACED : 0);
      table.u32(at + L.SPAN.flags, flags);
      table.u32(at + L.SPAN.key, span.key);
      table.u32(at + L.SPAN.offset, span.offset);
      table.u32(at + L.SPAN.length, span.bytes.length);
      table.u32(at + L.SPAN.bytes, this.bytes(span.bytes));
      table.u32(at + L.SPAN.items, items);
      table.u32(at + L.SPAN.nItems, span.items.length);
    }
    return this.assemble(program.cookie);
  }

  private string(text: string): number {
    let at = this.strings.get(text);
    if (at === undefined) {
      at = this.tables.strings.add(Buffer.from(`${text}\0`, 'latin1'));
      this.strings.set(text, at);
    }
    return at;
  }

  private bytes(bytes: Uint8Array): number {
    const text = latin1(bytes);
    let at = this.pool.get(text);
    if (at === undefined) {
      at = this.tables.bytes.add(bytes);
      this.pool.set(text, at);
    }
    return at;
  }

  private item(item: Item): void {
    const at = this.tables.items.reserve(L.TABLES.items.record);
    const sites = item.kind === 'site';
    this.tables.items.u32(at + L.ITEM.offset, item.offset);
    this.tables.items.u16(at + L.ITEM.length, item.length);
    this.tables.items.u16(at + L.ITEM.nVariants, sites ? item.variants.length : 0);
    const first = sites ? this.variants(item.variants) : this.fields([item.field]);
    this.tables.items.u32(at + L.ITEM.first, first);
  }

  private variants(variants: readonly Variant[]): number {
    const record = L.TABLES.variants.record;
    const rows = Buffer.alloc(variants.length * record);
    variants.forEach((variant, index) => {
      const at = index * record;
      rows.writeUInt32LE(this.bytes(variant.bytes), at + L.VARIANT.bytes);
      rows.writeUInt32LE(this.fields(variant.fields), at + L.VARIANT.fields);
      rows.writeUInt16LE(variant.fields.length, at + L.VARIANT.nFields);
    });
    return this.run('variants', rows);
  }

  private fields(fields: readonly Field[]): number {
    const record = L.TABLES.fields.record;
    const rows = Buffer.alloc(fields.length * record);
    fields.forEach((field, index) => {
      const at = index * record;
      rows.writeBigInt64LE(BigInt(field.addend), at + L.FIELD.addend);
      rows.writeUInt32LE(field.key, at + L.FIELD.key);
      rows.writeUInt16LE(field.offset, at + L.FIELD.offset);
      rows.writeUInt8(field.width, at + L.FIELD.width);
      const flags =
        (field.pcrel ? L.FIELD_PCREL : 0) |
        (field.signed ? L.FIELD_SIGNED : 0) |
        (field.free ? L.FIELD_FREE : 0);
      rows.writeUInt8(flags, at + L.FIELD.flags);
    });
    return this.run('fields', rows);
  }

  /** Index of the first of these records, which are stored in a row, once. */
  private run(table: 'variants' | 'fields', rows: Buffer): number {
    if (rows.length === 0) return 0;
    const text = `${table}:${latin1(rows)}`;
    let at = this.runs.get(text);
    if (at === undefined) {
      at = this.tables[table].add(rows) / L.TABLES[table].record;
      this.runs.set(text, at);
    }
    return at;
  }

  private assemble(cookie: bigint): Buffer {
    const header = Buffer.alloc(L.HEADER.size);
    const parts: Buffer[] = [header];
    let size = header.length;
    for (const name of L.TABLE_NAMES) {
      const contents = this.tables[name].contents;
      const { at, record } = L.TABLES[name];
      header.writeUInt32LE(size, at);
      header.writeUInt32LE(contents.length / record, at + 4);
      const padding = -contents.length & (L.TABLE_ALIGNMENT - 1);
      parts.push(contents, Buffer.alloc(padding));
      size += contents.length + padding;
    }
    header.writeUInt32LE(L.MAGIC, L.HEADER.magic);
    header.writeUInt32LE(L.VERSION, L.HEADER.version);
    header.writeUInt32LE(size, L.HEADER.bytes);
    header.writeBigUInt64LE(cookie, L.HEADER.cookie);
    return Buffer.concat(parts, size);
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/**
 * The binary form of a program.
 *
 * @throws KspliceError `internal` if a number does not fit its place in the
 *   format: the generator keeps items under 64 KiB and offsets under 4 GiB
 */
export function encodeProgram(program: Program): Buffer {
  try {
    return new Encoder().program(program);
  } catch (error) {
    if (error instanceof RangeError) {
      throw new KspliceError('internal', `the match program cannot be stored: ${error.message}`, {
        cause: error,
      });
    }
    throw error;
  }
}
