// The special tables' entries, and which code each belongs to: the code at its
// site, the target of its first field.

import { KspliceError } from '../base/errors.js';
import { badElf } from '../elf/bytes.js';
import { SHT_NOBITS } from '../elf/constants.js';
import type { ElfObject, Relocation, Section } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import type { Extent } from './extents.js';
import { type TableKind, tableKinds } from './table-kinds.js';

/** One entry. */
export interface SpecialEntry {
  readonly kind: TableKind;
  readonly table: Section;
  /** In bytes from the table's start. */
  readonly offset: number;
  /** Where the code is that it belongs to; the offset is in bytes. */
  readonly site: Section;
  readonly siteOffset: number;
  /** Relocations of the entry's bytes, ascending. */
  readonly relocations: readonly Relocation[];
}

/**
 * Entries of an object's tables, decoded table by table when first needed and
 * grouped by the section of their sites.
 */
export class SpecialTables {
  private comparedBySite: Map<Section, SpecialEntry[]> | undefined;
  private allBySite: Map<Section, SpecialEntry[]> | undefined;
  private byPlace: Map<Section, Map<number, SpecialEntry>> | undefined;

  constructor(
    readonly object: ElfObject,
    readonly sizes: TableSizes,
    private readonly kinds: readonly TableKind[] = tableKinds(sizes),
  ) {}

  /** Entries of the tables that are compared, by site offset, for sites in a section. */
  compared(section: Section): readonly SpecialEntry[] {
    this.comparedBySite ??= this.group((kind) => kind.compared);
    return this.comparedBySite.get(section) ?? [];
  }

  /** Entries of all tables for sites in a section. */
  all(section: Section): readonly SpecialEntry[] {
    this.allBySite ??= this.group(() => true);
    return this.allBySite.get(section) ?? [];
  }

  /** The entry that is at a place, of any table. */
  entryAt(table: Section, offset: number): SpecialEntry | undefined {
    if (!this.byPlace) {
      this.byPlace = new Map();
      for (const entry of [...this.group(() => true).values()].flat()) {
        const entries = this.byPlace.get(entry.table) ?? new Map<number, SpecialEntry>();
        this.byPlace.set(entry.table, entries.set(entry.offset, entry));
      }
    }
    return this.byPlace.get(table)?.get(offset);
  }

  private group(wanted: (kind: TableKind) => boolean): Map<Section, SpecialEntry[]> {
    const groups = new Map<Section, SpecialEntry[]>();
    for (const kind of this.kinds) {
      if (!wanted(kind)) continue;
      for (const table of this.object.sectionsNamed(kind.name)) {
        for (const entry of readEntries(this.object, table, kind)) {
          const list = groups.get(entry.site);
          if (list) list.push(entry);
          else groups.set(entry.site, [entry]);
        }
      }
    }
    for (const list of groups.values()) list.sort((a, b) => a.siteOffset - b.siteOffset);
    return groups;
  }
}

/**
 * The replacement instructions that an entry of `.altinstructions` points to.
 * @param relocation of the entry's field for the replacement
 * @throws KspliceError `bad-elf` if they are not in a section
 */
export function replacementExtent(entry: SpecialEntry, relocation: Relocation): Extent {
  const { table, kind, offset } = entry;
  const { section, value } = relocation.symbol;
  const start = value + relocation.addend;
  const length = table.data[offset + (kind.replacement?.length ?? 0)] ?? 0;
  if (!section || start < 0 || start + length > section.size) {
    throw badElf(table.name, 'replacement instructions are outside of their section');
  }
  return { section, start, end: start + length };
}

function readEntries(object: ElfObject, table: Section, kind: TableKind): SpecialEntry[] {
  const { entrySize } = kind;
  if (table.size === 0) return [];
  if (table.type === SHT_NOBITS || entrySize === 0 || !endsWithAnEntry(object, table, kind)) {
    throw new KspliceError(
      'unsupported-object',
      `${object.name}: ${table.name} is ${table.size} bytes long, not a multiple of its entries' ${entrySize}`,
      { advice: 'The object was not compiled with the headers of this kernel.' },
    );
  }
  const relocations = object.relocations(table);
  const entries: SpecialEntry[] = [];
  let next = 0;
  for (let offset = 0; offset < table.size; offset += entrySize) {
    const first = next;
    while (next < relocations.length && relocations[next]!.offset < offset + entrySize) next++;
    const field = relocations[first];
    const site = field?.symbol.section;
    // An entry for code outside this object cannot be; one without a site is padding.
    if (!field || next === first || field.offset !== offset || !site) continue;
    entries.push({
      kind,
      table,
      offset,
      site,
      siteOffset: field.symbol.value + field.addend,
      relocations: relocations.slice(first, next),
    });
  }
  return entries;
}

/** In older kernels nothing pads the last entry: then it begins where an entry has to, and has its site. */
function endsWithAnEntry(object: ElfObject, table: Section, { entrySize }: TableKind): boolean {
  const rest = table.size % entrySize;
  if (rest === 0) return true;
  const last = object.relocations(table).at(-1)?.offset ?? 0;
  return last >= table.size - rest && last < table.size;
}
