// What new code consists of, as far as somebody can have its address: its functions, its
// variables and constants, its strings.

import { relocationShape } from '../arch/relocations.js';
import { isFresh } from '../diff/names.js';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_MERGE,
  SHF_WRITE,
  STT_FUNC,
  STT_OBJECT,
} from '../elf/constants.js';
import type { ElfObject, Relocation, Section } from '../elf/object.js';
import { plainName } from '../module/new-code-names.js';

/** Something of new code that has an address. */
export interface Thing {
  readonly section: Section;
  /** In bytes from the section's start. */
  readonly start: number;
  readonly end: number;
  /** As the source has it; of a string its text, in quotes. */
  readonly name: string;
  readonly kind: 'function' | 'data' | 'literal';
}

/** Where a relocation leads: into new code, or by a name to what is outside. */
export type Destination = Inside | { readonly outside: string };

/** A place in new code. */
export interface Inside {
  readonly thing: Thing;
  /** In bytes from the thing's start. */
  readonly offset: number;
}

/**
 * Tables whose entries begin with an instruction's place and where it may go on, four bytes each, and
 * the sizes of the entries (struct jump_entry, struct exception_table_entry of x86).
 */
const WAYS = [
  ['__jump_table', 16],
  ['__ex_table', 12],
] as const;

/** The new code of one target, as extractNewCode() made it. */
export class Things {
  private readonly bySection = new Map<Section, Thing[]>();
  private readonly literals = new Map<Section, Map<number, Thing>>();
  private ways: Map<Section, Map<number, Inside[]>> | undefined;
  private readonly fields = new Map<Section, ReadonlyMap<number, Relocation>>();

  /** @param nameOf what an undefined symbol stands for */
  constructor(
    readonly object: ElfObject,
    private readonly nameOf: (symbol: string) => string,
  ) {
    for (const { section, type, value, size, name } of object.symbols) {
      if (!section || !(section.flags & SHF_ALLOC) || name === '' || size === 0) continue;
      if (type !== STT_FUNC && type !== STT_OBJECT) continue;
      const list = this.bySection.get(section) ?? [];
      this.bySection.set(section, list);
      const known = list.findIndex(({ start }) => start === value);
      const plain = plainName(name);
      const kind = kindOf(section, plain);
      const thing = { section, start: value, end: value + size, name: plain, kind };
      // Global names are the update's own, for what has a name already.
      if (known < 0) list.push(thing);
      else if (/^ksplice_(new|hook|place)_\d+$/.test(list[known]!.name)) list[known] = thing;
    }
  }

  /** Sections with machine code that runs. */
  code(): Section[] {
    return this.object.sections.filter(({ flags }) => flags & SHF_ALLOC && flags & SHF_EXECINSTR);
  }

  /** What is at a place; undefined in what nobody has the address of. */
  at(section: Section, offset: number): Thing | undefined {
    const list = this.bySection.get(section) ?? [];
    const found = list.find(({ start, end }) => offset >= start && offset < end);
    // A table is addressed from beyond its ends, too.
    if (found || list.length === 1) return found ?? list[0];
    // What has no size holds nothing: keys of lockdep where there is no lockdep.
    if (section.flags & SHF_EXECINSTR || !(section.flags & SHF_ALLOC)) return undefined;
    if (offset >= section.size) return undefined;
    return this.literal(section, offset);
  }

  /** Functions and variables, by the section that they are in. */
  in(section: Section): readonly Thing[] {
    return this.bySection.get(section) ?? [];
  }

  /** The relocation of the field at an offset. */
  relocation(section: Section, field: number | undefined): Relocation | undefined {
    if (field === undefined) return undefined;
    let fields = this.fields.get(section);
    if (!fields) {
      fields = new Map(this.object.relocations(section).map((one) => [one.offset, one]));
      this.fields.set(section, fields);
    }
    return fields.get(field);
  }

  /**
   * Where a relocation leads.
   * @param end of the instruction; the relocation's own end in data
   */
  destination(relocation: Relocation, end: number): Destination | undefined {
    const { symbol, type, addend, offset } = relocation;
    if (!symbol.section) return { outside: this.nameOf(symbol.name) };
    const relative = relocationShape(type)?.pcrel ? end - offset : 0;
    const place = symbol.value + addend + relative;
    const thing = this.at(symbol.section, place);
    return thing && { thing, offset: place - thing.start };
  }

  /** Where code goes on from an instruction that does not say so: jump labels, faults that are handled. */
  hiddenWays(section: Section, offset: number): readonly Inside[] {
    this.ways ??= this.readWays();
    return this.ways.get(section)?.get(offset) ?? [];
  }

  private readWays() {
    const ways = new Map<Section, Map<number, Inside[]>>();
    for (const [name, size] of WAYS) {
      for (const table of this.object.sectionsNamed(name)) {
        for (let start = 0; start + size <= table.size; start += size) {
          const [from, to] = [start, start + 4].map((field) => {
            const relocation = this.relocation(table, field);
            return relocation && this.destination(relocation, field);
          });
          if (!from || !to || 'outside' in from || 'outside' in to) continue;
          const list = ways.get(from.thing.section) ?? new Map<number, Inside[]>();
          ways.set(from.thing.section, list);
          const at = from.thing.start + from.offset;
          list.set(at, [...(list.get(at) ?? []), to]);
        }
      }
    }
    return ways;
  }

  /** What the pointers in a stretch of data lead to. */
  pointedAt(section: Section, start: number, end: number): Thing[] {
    return this.object.relocations(section).flatMap((relocation) => {
      if (relocation.offset < start || relocation.offset >= end) return [];
      const there = this.destination(relocation, relocation.offset);
      return there && 'thing' in there ? [there.thing] : [];
    });
  }

  private literal(section: Section, offset: number): Thing {
    const known = this.literals.get(section) ?? new Map<number, Thing>();
    this.literals.set(section, known);
    let thing = known.get(offset);
    if (!thing) {
      const end = section.flags & SHF_MERGE ? section.data.indexOf(0, offset) : -1;
      const text = end > offset ? section.data.toString('latin1', offset, end) : section.name;
      const plain = text.replace(/[\x7f-\xff]/g, '?');
      const name = JSON.stringify(plain.length > 40 ? `${plain.slice(0, 40)}…` : plain);
      thing = { section, start: offset, end: offset + 1, name, kind: 'literal' };
      known.set(offset, thing);
    }
    return thing;
  }
}

/** Names of functions and messages (`__func__`, `__msg`) are text like any other. */
function kindOf({ flags }: Section, name: string): Thing['kind'] {
  if (flags & SHF_EXECINSTR) return 'function';
  return flags & SHF_WRITE || !isFresh(name) ? 'data' : 'literal';
}
