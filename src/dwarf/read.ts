// Debugging information of an object: functions, their variables, and the types of those, as
// a tree of entries. Read only where a type has changed, since it is large. Pure.

import { Bytes, badElf } from '../elf/bytes.js';
import type { ElfObject, Relocation, Section } from '../elf/object.js';
import { AT, FIXED, FORM, NUMBERS, TAG } from './constants.js';
import { readSleb, readUleb } from './leb.js';
import { type Address, type Piece, readLocation } from './location.js';

/** One entry (DIE). */
export interface Entry {
  /** DW_TAG_* */
  readonly tag: number;
  readonly parent: Entry | undefined;
  readonly children: Entry[];
  /** Empty if it has none. */
  readonly name: string;
  /** Places in .debug_info: of the type, and of the entry that this one is an instance of. */
  readonly type: number | undefined;
  readonly origin: number | undefined;
  /** Of a function: there is code of it. */
  readonly hasCode: boolean;
  /** Of a variable: it is at an address, and so there for ever. */
  readonly isStatic: boolean;
  /** Where that is, if it is in a section of this object. */
  readonly address?: Address;
  /** Of a struct that is in pieces, where each is that is in memory. */
  readonly pieces?: readonly Piece[];
  /** Sizes and the like, by DW_AT_*. */
  readonly numbers?: Readonly<Record<number, number>>;
}

/** By their places in .debug_info. */
export type Entries = ReadonlyMap<number, Entry>;

interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly (readonly [attribute: number, form: number, value: number])[];
}

const HEADER_5 = 12;
const HEADER_4 = 11;
/** DW_UT_compile */
const COMPILE = 1;
const NAME_PLACES = ['.debug_str', '.debug_line_str'] as const;

/**
 * All entries of an object.
 * @throws KspliceError `bad-elf` if it is damaged, or something that gcc does not write
 */
export function readDwarf(object: ElfObject): Entries {
  const info = object.section('.debug_info');
  const entries = new Map<number, Entry>();
  if (!info) return entries;
  const bytes = new Bytes(info.data, object.name);
  const relocations = new Map(object.relocations(info).map((one) => [one.offset, one]));
  const names = new Names(object, relocations);
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.u32(at);
    const end = at + 4 + length;
    if (end > bytes.length) throw badElf(object.name, 'its debugging information is cut short');
    new Unit(object, bytes, names, relocations, at, end).read(entries);
    at = end;
  }
  return entries;
}

/** Strings, to which relocations lead. */
class Names {
  constructor(
    private readonly object: ElfObject,
    private readonly relocations: ReadonlyMap<number, Relocation>,
  ) {}

  at(place: number, offset: number): string {
    const relocation = this.relocations.get(place);
    const section: Section | undefined =
      relocation?.symbol.section ?? this.object.section(NAME_PLACES[0]);
    const start = relocation ? relocation.symbol.value + relocation.addend : offset;
    if (!section) return '';
    return new Bytes(section.data, this.object.name).string(start);
  }
}

class Unit {
  private readonly abbreviations: ReadonlyMap<number, Abbreviation>;
  private at: number;

  constructor(
    private readonly object: ElfObject,
    private readonly bytes: Bytes,
    private readonly names: Names,
    private readonly relocations: ReadonlyMap<number, Relocation>,
    private readonly start: number,
    private readonly end: number,
  ) {
    const version = bytes.u16(start + 4);
    if (version !== 4 && (version !== 5 || bytes.u8(start + 6) !== COMPILE)) {
      throw badElf(object.name, `its debugging information is of DWARF ${version}`);
    }
    const place = start + (version === 5 ? 8 : 6);
    const offset = relocations.get(place)?.addend ?? bytes.u32(place);
    const section = object.section('.debug_abbrev');
    if (!section) throw badElf(object.name, 'it has .debug_info, and no .debug_abbrev');
    this.abbreviations = readAbbreviations(new Bytes(section.data, object.name), offset);
    this.at = start + (version === 5 ? HEADER_5 : HEADER_4);
  }

  read(entries: Map<number, Entry>): void {
    let parent: Entry | undefined;
    while (this.at < this.end) {
      const place = this.at;
      const code = this.uleb();
      if (code === 0) {
        parent = parent?.parent;
        continue;
      }
      const abbreviation = this.abbreviations.get(code);
      if (!abbreviation) throw badElf(this.object.name, `no abbreviation ${code}`);
      const entry = this.entry(abbreviation, parent);
      parent?.children.push(entry);
      entries.set(place, entry);
      if (abbreviation.hasChildren) parent = entry;
    }
  }

  private entry({ tag, attributes }: Abbreviation, parent: Entry | undefined): Entry {
    let name = '';
    let type: number | undefined;
    let origin: number | undefined;
    let hasCode = false;
    let isStatic = false;
    let address: Entry['address'];
    let pieces: Entry['pieces'];
    let numbers: Record<number, number> | undefined;
    for (const [attribute, form, implicit] of attributes) {
      const at = this.at;
      if (attribute === AT.name && form === FORM.string) name = this.bytes.string(at);
      else if (attribute === AT.name) name = this.names.at(at, this.bytes.u32(at));
      else if (attribute === AT.type) type = this.reference(form);
      else if (attribute === AT.origin || attribute === AT.specification) {
        origin = this.reference(form);
      } else if (attribute === AT.lowPc || attribute === AT.ranges) hasCode = true;
      else if (attribute === AT.location && form === FORM.exprloc) {
        const read = (place: number) => this.address(place);
        ({ isStatic, address, pieces } = readLocation(this.bytes, this.at, read));
      } else if (NUMBERS.has(attribute)) {
        const value = form === FORM.implicitConst ? implicit : this.number(form);
        if (value !== undefined) numbers = { ...numbers, [attribute]: value };
      }
      this.at = at;
      this.skip(form);
    }
    const more = {
      ...(address && { address }),
      ...(pieces && { pieces }),
      ...(numbers && { numbers }),
    };
    return { tag, parent, children: [], name, type, origin, hasCode, isStatic, ...more };
  }

  /** A place in .debug_info. */
  private reference(form: number): number | undefined {
    switch (form) {
      case FORM.ref1:
        return this.start + this.bytes.u8(this.at);
      case FORM.ref2:
        return this.start + this.bytes.u16(this.at);
      case FORM.ref4:
        return this.start + this.bytes.u32(this.at);
      case FORM.refUdata:
        return this.start + this.uleb();
      case FORM.refAddr:
        return this.bytes.u32(this.at);
      default:
        return undefined;
    }
  }

  private address(place: number): Entry['address'] {
    const { symbol, addend } = this.relocations.get(place) ?? {};
    if (!symbol?.section || addend === undefined) return undefined;
    return { section: symbol.section, offset: symbol.value + addend };
  }

  /** Those with more than 53 bits are rounded. */
  private number(form: number): number | undefined {
    switch (FIXED.get(form)) {
      case 1:
        return this.bytes.u8(this.at);
      case 2:
        return this.bytes.u16(this.at);
      case 4:
        return this.bytes.u32(this.at);
      case 8:
        return this.bytes.u32(this.at) + this.bytes.u32(this.at + 4) * 2 ** 32;
      default:
        if (form === FORM.sdata) return readSleb(this.bytes, this.at);
        return form === FORM.udata ? this.uleb() : undefined;
    }
  }

  private skip(form: number): void {
    const fixed = FIXED.get(form);
    if (fixed !== undefined) this.at += fixed;
    else if (form === FORM.block1) this.at += 1 + this.bytes.u8(this.at);
    else if (form === FORM.block2) this.at += 2 + this.bytes.u16(this.at);
    else if (form === FORM.block4) this.at += 4 + this.bytes.u32(this.at);
    else if (form === FORM.block || form === FORM.exprloc) {
      const length = this.uleb();
      this.at += length;
    } else if (form === FORM.string) {
      this.at += Buffer.byteLength(this.bytes.string(this.at), 'latin1') + 1;
    } else if (isLeb(form)) this.uleb();
    else throw badElf(this.object.name, `form 0x${form.toString(16)} in its debugging information`);
  }

  private uleb(): number {
    const [value, next] = readUleb(this.bytes, this.at);
    this.at = next;
    return value;
  }
}

function isLeb(form: number): boolean {
  return (
    form === FORM.sdata ||
    form === FORM.udata ||
    form === FORM.refUdata ||
    form === FORM.loclistx ||
    form === FORM.rnglistx
  );
}

function readAbbreviations(bytes: Bytes, start: number): Map<number, Abbreviation> {
  const found = new Map<number, Abbreviation>();
  let at = start;
  const next = () => {
    const [value, behind] = readUleb(bytes, at);
    at = behind;
    return value;
  };
  for (let code = next(); code !== 0; code = next()) {
    const tag = next();
    const hasChildren = bytes.u8(at++) !== 0;
    const attributes: [number, number, number][] = [];
    for (;;) {
      const attribute = next();
      const form = next();
      if (attribute === 0 && form === 0) break;
      attributes.push([attribute, form, form === FORM.implicitConst ? next() : 0]);
    }
    found.set(code, { tag, hasChildren, attributes });
  }
  return found;
}

/** A type without typedefs, qualifiers, arrays and pointers; and whether there was a pointer. */
export function baseType(
  entries: Entries,
  place: number | undefined,
): { readonly base: Entry | undefined; readonly isPointer: boolean } {
  let entry = place === undefined ? undefined : entries.get(place);
  let isPointer = false;
  const through: readonly number[] = [
    TAG.pointer,
    TAG.typedef,
    TAG.const,
    TAG.volatile,
    TAG.restrict,
    TAG.array,
  ];
  // No type that can be written down has as many steps.
  for (let steps = 0; entry && through.includes(entry.tag) && steps < 64; steps++) {
    if (entry.tag === TAG.pointer) isPointer = true;
    entry = entry.type === undefined ? undefined : entries.get(entry.type);
  }
  return { base: entry, isPointer };
}
