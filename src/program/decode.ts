// The binary form of a program, from a file that anyone may have made. All
// that the interpreter relies on is checked here, once: every index, every
// range, the order of items, and that fields lie in their items.

import { KspliceError } from '../base/errors.js';
import * as L from './layout.js';
import type { Field, Item, Key, Program, Span, Variant } from './program.js';

interface TableView {
  readonly offset: number;
  readonly count: number;
}

class Decoder {
  private readonly view: DataView;
  private readonly tables: Record<L.TableName, TableView>;
  private readonly stringCache = new Map<number, string>();

  constructor(
    private readonly data: Uint8Array,
    private readonly origin: string,
  ) {
    this.view = new DataView(data.buffer, data.byteOffset, data.length);
    if (data.length < L.HEADER.size || this.u32(L.HEADER.magic) !== L.MAGIC) {
      this.fail('it does not start with the right bytes');
    }
    if (this.u32(L.HEADER.version) !== L.VERSION) {
      this.fail(`it has version ${this.u32(L.HEADER.version)}, this tool reads ${L.VERSION}`);
    }
    if (this.u32(L.HEADER.bytes) !== data.length) {
      this.fail(`it should have ${this.u32(L.HEADER.bytes)} bytes and has ${data.length}`);
    }
    const entries = L.TABLE_NAMES.map((name) => [name, this.table(name)] as const);
    this.tables = Object.fromEntries(entries) as Record<L.TableName, TableView>;
    const strings = this.tables.strings;
    const last = strings.offset + strings.count - 1;
    if (strings.count === 0 || data[strings.offset] !== 0 || data[last] !== 0) {
      this.fail('its strings do not begin and end with NUL');
    }
  }

  program(): Program {
    const keys = this.rows('keys', (at) => this.key(at));
    // Sites of one kind share their variants; so do the decoded ones.
    const fields = this.rows('fields', (at) => this.field(at, keys.length));
    const variants = this.rows('variants', (at) => this.variantRow(at, fields));
    const spans = this.rows('spans', (at) => this.span(at, keys.length, fields, variants));
    return { cookie: this.view.getBigUint64(L.HEADER.cookie, true), keys, spans };
  }

  private table(name: L.TableName): TableView {
    const { at, record } = L.TABLES[name];
    const offset = this.u32(at);
    const count = this.u32(at + 4);
    if (offset % L.TABLE_ALIGNMENT || offset < L.HEADER.size) {
      this.fail(`its ${name} start at ${offset}`);
    }
    if (offset + count * record > this.data.length) this.fail(`its ${name} are cut short`);
    return { offset, count };
  }

  private rows<T>(name: L.TableName, read: (at: number) => T): T[] {
    const { offset, count } = this.tables[name];
    const rows: T[] = [];
    for (let index = 0; index < count; index++) {
      rows.push(read(offset + index * L.TABLES[name].record));
    }
    return rows;
  }

  private key(at: number): Key {
    const flags = this.flags(at + L.KEY.flags, L.KEY_KALLSYMS | L.KEY_WEAK | L.KEY_GROUP);
    const name = this.string(this.u32(at + L.KEY.name));
    if (flags & L.KEY_KALLSYMS && name === '') this.fail('a key for kallsyms has no name');
    return {
      name,
      label: this.string(this.u32(at + L.KEY.label)),
      kallsyms: (flags & L.KEY_KALLSYMS) !== 0,
      weak: (flags & L.KEY_WEAK) !== 0,
      group: (flags & L.KEY_GROUP) !== 0,
    };
  }

  private field(at: number, nKeys: number): Field {
    const width = this.data[at + L.FIELD.width]!;
    if (width !== 1 && width !== 2 && width !== 4 && width !== 8) {
      this.fail(`a field is ${width} bytes wide`);
    }
    const flags = this.data[at + L.FIELD.flags]!;
    if (flags & ~(L.FIELD_PCREL | L.FIELD_SIGNED | L.FIELD_FREE)) this.fail('unknown field flags');
    const key = this.u32(at + L.FIELD.key);
    const free = (flags & L.FIELD_FREE) !== 0;
    if (!free && key >= nKeys) this.fail(`a field refers to key ${key} of ${nKeys}`);
    const addend = this.view.getBigInt64(at + L.FIELD.addend, true);
    if (addend !== BigInt(Number(addend)) || !Number.isSafeInteger(Number(addend))) {
      this.fail('an addend is out of range');
    }
    return {
      offset: this.u16(at + L.FIELD.offset),
      width: width as Field['width'],
      pcrel: (flags & L.FIELD_PCREL) !== 0,
      signed: (flags & L.FIELD_SIGNED) !== 0,
      free,
      key,
      addend: Number(addend),
    };
  }

  private variantRow(at: number, fields: readonly Field[]): { bytes: number; fields: Field[] } {
    const first = this.u32(at + L.VARIANT.fields);
    const count = this.u16(at + L.VARIANT.nFields);
    if (first + count > fields.length) this.fail('a variant has fields beyond the end');
    return { bytes: this.u32(at + L.VARIANT.bytes), fields: fields.slice(first, first + count) };
  }

  private span(
    at: number,
    nKeys: number,
    fields: readonly Field[],
    variants: readonly { bytes: number; fields: Field[] }[],
  ): Span {
    const known = L.SPAN_SEARCH | L.SPAN_WEAK | L.SPAN_REPLACED;
    const flags = this.flags(at + L.SPAN.flags, known);
    const name = this.string(this.u32(at + L.SPAN.name));
    const key = this.u32(at + L.SPAN.key);
    if (key >= nKeys) this.fail(`span ${name} refers to key ${key} of ${nKeys}`);
    if (flags & L.SPAN_SEARCH && name === '') this.fail('a span to search for has no name');
    const length = this.u32(at + L.SPAN.length);
    if (length === 0) this.fail(`span ${name} is empty`);
    const first = this.u32(at + L.SPAN.items);
    const count = this.u32(at + L.SPAN.nItems);
    const table = this.tables.items;
    if (first + count > table.count) this.fail(`span ${name} has items beyond the end`);
    const items: Item[] = [];
    let end = 0;
    for (let index = first; index < first + count; index++) {
      const item = this.item(table.offset + index * L.TABLES.items.record, fields, variants);
      if (item.offset < end || item.offset + item.length > length) {
        this.fail(`span ${name} has an item out of place at 0x${item.offset.toString(16)}`);
      }
      end = item.offset + item.length;
      items.push(item);
    }
    return {
      name,
      label: this.string(this.u32(at + L.SPAN.label)),
      search: (flags & L.SPAN_SEARCH) !== 0,
      weak: (flags & L.SPAN_WEAK) !== 0,
      replaced: (flags & L.SPAN_REPLACED) !== 0,
      key,
      offset: this.u32(at + L.SPAN.offset),
      bytes: this.pool(this.u32(at + L.SPAN.bytes), length),
      items,
    };
  }

  private item(
    at: number,
    fields: readonly Field[],
    variants: readonly { bytes: number; fields: Field[] }[],
  ): Item {
    const offset = this.u32(at + L.ITEM.offset);
    const length = this.u16(at + L.ITEM.length);
    const count = this.u16(at + L.ITEM.nVariants);
    const first = this.u32(at + L.ITEM.first);
    if (length === 0) this.fail('an item is empty');
    if (count === 0) {
      const field = fields[first];
      if (!field) this.fail('a relocation has no field');
      if (field.offset !== 0 || field.width !== length || field.free) {
        this.fail('a relocation and its field differ');
      }
      return { kind: 'reloc', offset, length, field };
    }
    if (first + count > variants.length) this.fail('a site has variants beyond the end');
    const list: Variant[] = [];
    for (let index = first; index < first + count; index++) {
      const row = variants[index]!;
      let end = 0;
      for (const field of row.fields) {
        if (field.offset < end || field.offset + field.width > length) {
          this.fail('a field is out of place in its site');
        }
        end = field.offset + field.width;
      }
      list.push({ bytes: this.pool(row.bytes, length), fields: row.fields });
    }
    return { kind: 'site', offset, length, variants: list };
  }

  private pool(offset: number, length: number): Uint8Array {
    const pool = this.tables.bytes;
    if (offset + length > pool.count) this.fail('bytes beyond the end of the pool');
    return this.data.subarray(pool.offset + offset, pool.offset + offset + length);
  }

  private string(offset: number): string {
    let text = this.stringCache.get(offset);
    if (text === undefined) {
      const { offset: start, count } = this.tables.strings;
      if (offset >= count) this.fail('a string beyond the end of the table');
      const end = this.data.indexOf(0, start + offset);
      text = Buffer.from(this.data.subarray(start + offset, end)).toString('latin1');
      this.stringCache.set(offset, text);
    }
    return text;
  }

  private flags(at: number, known: number): number {
    const flags = this.u32(at);
    if (flags & ~known) this.fail(`unknown flags 0x${flags.toString(16)}`);
    return flags;
  }

  private u16(at: number): number {
    return this.view.getUint16(at, true);
  }
  private u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  private fail(what: string): never {
    throw new KspliceError('bad-program', `${this.origin}: not a usable match program: ${what}`, {
      advice: 'The update is damaged, or was made by another version of this tool; make it again.',
    });
  }
}

/**
 * Reads the binary form. Bytes of spans and variants are views of `data`.
 *
 * @param origin for messages: the file
 * @throws KspliceError `bad-program` for anything but a well-formed program
 */
export function decodeProgram(data: Uint8Array, origin: string): Program {
  return new Decoder(data, origin).program();
}
