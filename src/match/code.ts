// An object's code as the compiler left it, in the terms of a match program.

import { relocationShape, relocations } from '../arch/relocations.js';
import type { Place, SiteCode, TableEntry } from '../arch/site.js';
import { KspliceError } from '../base/errors.js';
import { firstNotBefore } from '../base/sorted.js';
import type { ElfObject, Relocation, Section } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import type { Field, Variant } from '../program/program.js';
import type { ObjectKeys } from './keys.js';

export class ObjectCode implements SiteCode {
  constructor(
    readonly object: ElfObject,
    readonly keys: ObjectKeys,
    readonly tables: TableSizes,
  ) {}

  /** Relocations of [start, end), those that do something. */
  relocations(section: Section, start: number, end: number): Relocation[] {
    const all = this.object.relocations(section);
    const first = firstNotBefore(all, ({ offset }) => offset < start);
    const list: Relocation[] = [];
    for (let at = first; at < all.length && all[at]!.offset < end; at++) {
      if (all[at]!.type !== relocations.none) list.push(all[at]!);
    }
    return list;
  }

  /** The number that a relocation puts into the code, as a field `offset` bytes into its item. */
  field(relocation: Relocation, offset: number): Field {
    const shape = relocationShape(relocation.type);
    if (!shape || shape.width === 0) {
      throw this.unsupported(`relocation type ${relocation.type} is not known`);
    }
    const { key, offset: addend } = this.keys.place(relocation.symbol, relocation.addend);
    return {
      offset,
      width: shape.width,
      pcrel: shape.pcrel,
      signed: shape.signed,
      free: false,
      key,
      addend,
    };
  }

  /** A stretch of a section as built: bytes with those of fields zeroed. */
  built(section: Section, start: number, end: number): Variant {
    const bytes = Uint8Array.from(this.bytes(section, start, end));
    const fields = this.fields(section, start, end);
    for (const field of fields) bytes.fill(0, field.offset, field.offset + field.width);
    return { bytes, fields };
  }

  /** The numbers of [start, end) that the linker writes; offsets from `start`. */
  fields(section: Section, start: number, end: number): Field[] {
    let free = start;
    return this.relocations(section, start, end).map((relocation) => {
      const { offset } = relocation;
      const field = this.field(relocation, offset - start);
      if (offset < free || offset + field.width > end) {
        const place = `${section.name}+0x${offset.toString(16)}`;
        throw this.unsupported(`the relocation at ${place} overlaps what is around it`);
      }
      free = offset + field.width;
      return field;
    });
  }

  /** Bounds-checked view of a section's contents. */
  bytes(section: Section, start: number, end: number): Buffer {
    if (start < 0 || end > section.data.length || start > end) {
      throw this.unsupported(`${section.name}+0x${start.toString(16)} is cut short`);
    }
    return section.data.subarray(start, end);
  }

  /**
   * The entries of all tables of that name. Entries start at multiples of
   * `size`; the first reference of each says which code it is about.
   */
  *entries(table: string, size: number): Generator<TableEntry> {
    for (const section of this.object.sectionsNamed(table)) {
      const byEntry = new Map<number, Map<number, Relocation>>();
      for (const relocation of this.relocations(section, 0, section.size)) {
        const index = Math.floor(relocation.offset / size);
        const references = byEntry.get(index) ?? new Map<number, Relocation>();
        byEntry.set(index, references.set(relocation.offset - index * size, relocation));
      }
      for (const [index, references] of byEntry) {
        const first = references.get(0);
        if (!first) throw this.unsupported(`${table} has an entry without code`);
        const code = this.target(first);
        if (!code) throw this.unsupported(`${table} refers to ${first.symbol.name} elsewhere`);
        const data = this.bytes(section, index * size, (index + 1) * size);
        yield { data, references, code };
      }
    }
  }

  /** Where a table's reference leads, if that is in this object. */
  target(relocation: Relocation): Place | undefined {
    const { section, value } = relocation.symbol;
    return section && { section, offset: value + relocation.addend };
  }

  unsupported(what: string): KspliceError {
    return new KspliceError('unsupported-object', `${this.keys.label}: ${what}`, {
      advice:
        'The object was made by an unusual compiler or for an unknown kernel; please report it.',
    });
  }
}
