// What new code consists of, as far as somebody can have its address: its functions, its
// variables and constants, its strings.

import { relocationShape } from '../arch/relocations.js';
import type { Place } from '../arch/site.js';
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
import { readWays, type Ways } from './ways.js';

/** Something that has an address, and is unloaded with an update. */
export interface Thing {
  /** As the source has it; of a string its text, in quotes. */
  readonly name: string;
  readonly kind: 'function' | 'data' | 'literal';
}

/** Something of the new code that is looked at. */
export interface Own extends Thing {
  readonly section: Section;
  /** In bytes from the section's start. */
  readonly start: number;
  readonly end: number;
}

/** Where a relocation leads: into new code, or by a name to what is outside. */
export type Destination = Inside | Outside;

/** A place in new code. */
export interface Inside {
  readonly thing: Own;
  /** In bytes from the thing's start. */
  readonly offset: number;
}

export interface Outside {
  readonly outside: string;
  /** If that is new code as well: of an update below, or of another target. */
  readonly elsewhere?: Thing | undefined;
}

/** What an undefined symbol of new code stands for. */
export interface Meaning {
  readonly name: string;
  /** If it is new code that is loaded before this. */
  readonly added?: 'function' | 'data' | undefined;
}

/** The new code of one target, as extractNewCode() made it. */
export class Things {
  private readonly bySection = new Map<Section, Own[]>();
  private readonly literals = new Map<Section, Map<number, Own>>();
  private readonly elsewhere = new Map<string, Thing>();
  private ways: Ways | undefined;
  private readonly fields = new Map<Section, ReadonlyMap<number, Relocation>>();

  /** @param meaningOf what an undefined symbol stands for */
  constructor(
    readonly object: ElfObject,
    private readonly meaningOf: (symbol: string) => Meaning,
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
  at(section: Section, offset: number): Own | undefined {
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
  in(section: Section): readonly Own[] {
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
    if (!symbol.section) return this.outside(symbol.name);
    const relative = relocationShape(type)?.pcrel ? end - offset : 0;
    const place = symbol.value + addend + relative;
    const thing = this.at(symbol.section, place);
    return thing && { thing, offset: place - thing.start };
  }

  /** Where code goes on from an instruction that does not say so: jump labels, faults, warnings. */
  hiddenWays(section: Section, offset: number): readonly Place[] {
    this.ways ??= readWays(this);
    return this.ways.get(section)?.get(offset) ?? [];
  }

  /** What the pointers in a stretch of data lead to. */
  pointedAt(section: Section, start: number, end: number): Thing[] {
    return this.object.relocations(section).flatMap((relocation) => {
      if (relocation.offset < start || relocation.offset >= end) return [];
      const there = this.destination(relocation, relocation.offset);
      return thingsOf(there);
    });
  }

  private outside(symbol: string): Outside {
    const { name, added } = this.meaningOf(symbol);
    if (!added) return { outside: name };
    const known = this.elsewhere.get(symbol) ?? { name: plainName(name), kind: added };
    this.elsewhere.set(symbol, known);
    return { outside: name, elsewhere: known };
  }

  private literal(section: Section, offset: number): Own {
    const known = this.literals.get(section) ?? new Map<number, Own>();
    this.literals.set(section, known);
    let thing = known.get(offset);
    if (!thing) {
      thing = this.pointers(section, offset) ?? this.text(section, offset);
      known.set(offset, thing);
    }
    return thing;
  }

  /** A table without a name, which ends nobody tells where: before the next name at the latest. */
  private pointers(section: Section, offset: number): Own | undefined {
    const next = this.in(section).filter(({ start }) => start > offset);
    const bound = Math.min(section.size, ...next.map(({ start }) => start));
    const fields = this.object
      .relocations(section)
      .map((relocation) => relocation.offset)
      .filter((field) => field >= offset && field < bound);
    if (fields.length === 0) return undefined;
    const name = `${section.name}+0x${offset.toString(16)}`;
    return { section, start: offset, end: bound, name, kind: 'data' };
  }

  private text(section: Section, offset: number): Own {
    const end = section.flags & SHF_MERGE ? section.data.indexOf(0, offset) : -1;
    const text = end > offset ? section.data.toString('latin1', offset, end) : section.name;
    const plain = text.replace(/[\x7f-\xff]/g, '?');
    const name = JSON.stringify(plain.length > 40 ? `${plain.slice(0, 40)}…` : plain);
    return { section, start: offset, end: offset + 1, name, kind: 'literal' };
  }
}

export function isOwn(thing: Thing): thing is Own {
  return 'section' in thing;
}

/** What new code a place is in, if it is in any. */
export function thingsOf(there: Destination | undefined): Thing[] {
  if (!there) return [];
  if ('thing' in there) return [there.thing];
  return there.elsewhere ? [there.elsewhere] : [];
}

/** Names of functions and messages (`__func__`, `__msg`) are text like any other. */
function kindOf({ flags }: Section, name: string): Thing['kind'] {
  if (flags & SHF_EXECINSTR) return 'function';
  return flags & SHF_WRITE || !isFresh(name) ? 'data' : 'literal';
}
