// The special tables of the new code: the kept entries of all objects, table by table.

import { relocations } from '../arch/relocations.js';
import type { KeptEntries } from '../diff/object-diff.js';
import * as C from '../elf/constants.js';
import { copySection, type ModelSection, type ModelSymbol, newSection } from '../elf/model.js';
import type { Section } from '../elf/object.js';

/** Where a table's entries went. */
interface MovedEntries {
  readonly kept: KeptEntries;
  readonly section: ModelSection;
  /** Of the first entry, in the merged table. */
  readonly start: number;
}

export class MergedTables {
  private readonly tables = new Map<string, ModelSection>();
  private readonly moved = new Map<Section, MovedEntries>();

  all(): Iterable<ModelSection> {
    return this.tables.values();
  }

  named(name: string): ModelSection | undefined {
    return this.tables.get(name);
  }

  /** Tables of the same name become one, so that parallel ones (ORC) stay in step. */
  append(kept: KeptEntries): void {
    const { table, entrySize, offsets } = kept;
    let section = this.tables.get(table.name);
    if (!section) {
      section = { ...copySection(table), data: Buffer.alloc(0), size: 0 };
      this.tables.set(table.name, section);
    }
    this.moved.set(table, { kept, section, start: section.size });
    const rows = offsets.map((offset) => {
      // The last one may lack its padding.
      const row = Buffer.alloc(entrySize);
      row.set(table.data.subarray(offset, offset + entrySize));
      return row;
    });
    section.data = Buffer.concat([section.data, ...rows]);
    section.size = section.data.length;
    section.addralign = Math.max(section.addralign, table.addralign);
  }

  /** Adds the addresses of symbols to a table that is a list of such. */
  appendAddresses(name: string, symbols: readonly ModelSymbol[]): void {
    let table = this.tables.get(name);
    if (!table) {
      const flags = C.SHF_ALLOC | C.SHF_WRITE;
      table = newSection({ name, type: C.SHT_PROGBITS, flags, addralign: 8 });
      this.tables.set(name, table);
    }
    for (const symbol of symbols) {
      const type = relocations.address;
      table.relocations.push({ offset: table.size, type, symbol, addend: 0 });
      table.size += 8;
    }
    table.data = Buffer.concat([table.data, Buffer.alloc(symbols.length * 8)]);
  }

  /** Where a place in a kept entry of a table is now; undefined if no entry of the table is kept. */
  placeOf(
    table: Section,
    offset: number,
  ): { readonly section: ModelSection; readonly offset: number } | undefined {
    const moved = this.moved.get(table);
    if (!moved) return undefined;
    const { kept, section, start } = moved;
    const { entrySize, offsets } = kept;
    const within = offset % entrySize;
    const index = offsets.indexOf(offset - within);
    if (index < 0) throw new Error(`${table.name}+${offset} was not kept`);
    return { section, offset: start + index * entrySize + within };
  }
}
