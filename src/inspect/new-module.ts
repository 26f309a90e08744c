// The new code of a target, as the module file has it before it is loaded:
// what it tells the core (struct ksplice_new_code), its functions and data,
// and what its relocations are about.

import { relocationShape } from '../arch/relocations.js';
import type { Place } from '../arch/site.js';
import { KspliceError } from '../base/errors.js';
import { coldParent } from '../diff/names.js';
import * as C from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Relocation, Section } from '../elf/object.js';
import { readKlpSymbolName } from '../module/livepatch.js';
import { plainName } from '../module/new-code-names.js';
import { CHANGE, CHANGE_DATA, NEW_CODE, REF } from '../update/new-code.js';
import { type Code, type Note, quoteData, type Referent } from './code.js';

/** One struct ksplice_change. */
export interface ChangeRecord {
  /** Index in the match program. */
  readonly span: number;
  readonly isData: boolean;
  /** Undefined for a cold part, which is only kept off the stacks. */
  readonly place: Place | undefined;
}

/** One struct ksplice_ref: its place holds the key's value plus `addend`. */
export interface RefRecord {
  readonly key: number;
  readonly addend: number;
  /** The relocation at the place. */
  readonly relocation: Relocation;
}

/** How a symbol that the loader finds by name is written: object, name and position. */
export function livepatchName(symbol: ElfSymbol): [object: string, name: string, at: number] {
  const known = { object: '', name: symbol.name, position: 0 };
  const { object, name, position } = readKlpSymbolName(symbol.name) ?? known;
  return [object, plainName(name), position];
}

/** Reads a new-code module. */
export class NewModule {
  readonly changes: readonly ChangeRecord[];
  readonly refs: readonly RefRecord[];
  /** Functions and data out of the patched source, with the names that they have there. */
  readonly kept: readonly ElfSymbol[];
  private readonly bySection = new Map<Section, ElfSymbol[]>();
  private readonly oldNames = new Map<ElfSymbol, string>();
  private readonly relocationCache = new Map<Section, readonly Relocation[]>();

  /**
   * @param spanName the name of a span of the match program, by index
   * @throws KspliceError `bad-update` if it registers no new code
   */
  constructor(
    readonly object: ElfObject,
    spanName: (index: number) => string | undefined,
  ) {
    const struct = object.symbols.find(
      ({ name, size, section }) => name === 'new_code' && size === NEW_CODE.size && section,
    );
    if (!struct?.section) throw this.odd('it registers no new code');
    const place = { section: struct.section, offset: struct.value };
    const changes = this.rows(place, NEW_CODE.changes, NEW_CODE.nChanges, CHANGE.size);
    const refs = this.rows(place, NEW_CODE.refs, NEW_CODE.nRefs, REF.size);
    this.changes = changes.map((row) => this.change(row));
    this.refs = refs.map((row) => this.ref(row)).filter((ref) => ref !== undefined);
    this.kept = object.symbols
      .filter((symbol) => symbol.size > 0 && isKept(symbol))
      .map((symbol) => ({ ...symbol, name: plainName(symbol.name) }));
    for (const symbol of this.kept) {
      const list = this.bySection.get(symbol.section!);
      if (list) list.push(symbol);
      else this.bySection.set(symbol.section!, [symbol]);
    }
    for (const { span, place: start } of this.changes) {
      const symbol = start && this.at(start);
      const name = spanName(span);
      if (symbol && name) this.oldNames.set(symbol, name);
    }
  }

  /**
   * What a function or data is called here. The compiler may have numbered it anew
   * (`.isra.1`), and it may have several names; the running kernel's is the one to read.
   */
  nameOf(symbol: ElfSymbol): string {
    const parent = coldParent(symbol.name);
    if (parent === undefined) return this.oldNames.get(symbol) ?? symbol.name;
    const owner = this.kept.find(({ name }) => name === parent);
    const name = owner && this.oldNames.get(owner);
    return name === undefined ? symbol.name : `${name}.cold`;
  }

  /** The function or data that begins at a place. */
  at({ section, offset }: Place): ElfSymbol | undefined {
    return this.bySection.get(section)?.find(({ value }) => value === offset);
  }

  /** All relocations of a section, the loader's own and those by name. */
  relocations(section: Section): readonly Relocation[] {
    let list = this.relocationCache.get(section);
    if (!list) {
      list = [...this.object.relocations(section), ...this.object.livepatchRelocations(section)]
        .filter(({ type }) => (relocationShape(type)?.width ?? 0) > 0)
        .sort((a, b) => a.offset - b.offset);
      this.relocationCache.set(section, list);
    }
    return list;
  }

  /** @param notes by offset in the symbol's section */
  code(symbol: ElfSymbol, notes: ReadonlyMap<number, Note>): Code {
    const { section, value: start, size } = symbol;
    const bytes = section!.data.subarray(start, start + size);
    const inside = this.relocations(section!).filter(
      ({ offset, type }) =>
        offset >= start && offset + relocationShape(type)!.width <= start + bytes.length,
    );
    return {
      name: this.nameOf(symbol),
      bytes,
      references: inside.map((relocation) => {
        const { width, pcrel } = relocationShape(relocation.type)!;
        const referent = (rest: number) => this.referent(relocation, rest);
        return { offset: relocation.offset - start, width, pcrel, referent };
      }),
      notes: new Map([...notes].map(([offset, note]) => [offset - start, note])),
      outside: (offset) => this.inSection({ section: section!, offset: start + offset }),
    };
  }

  /** What a relocation is about. @param rest see Reference */
  referent({ symbol, addend }: Relocation, rest: number): Referent {
    const { section } = symbol;
    const offset = addend + rest;
    if (section) return this.inSection({ section, offset: symbol.value + offset });
    const name = symbol.shndx === C.SHN_LIVEPATCH ? livepatchName(symbol)[1] : symbol.name;
    return { name, offset, isCode: false };
  }

  private inSection({ section, offset }: Place): Referent {
    const symbol = this.bySection
      .get(section)
      ?.find(({ value, size }) => offset >= value && offset < value + size);
    if (symbol && !/^__(func|FUNCTION)__\b/.test(symbol.name)) {
      const isCode = symbol.type === C.STT_FUNC;
      return { name: this.nameOf(symbol), offset: offset - symbol.value, isCode };
    }
    const text = quoteData(section.name, section.data, offset);
    if (text !== undefined) return { name: text, offset: 0, isCode: false };
    return { name: section.name, offset, isCode: false };
  }

  /** The records of a table that a struct points to, as places. */
  private rows(struct: Place, pointer: number, counter: number, size: number): Place[] {
    const { data } = struct.section;
    if (struct.offset + NEW_CODE.size > data.length) throw this.odd('its new code is cut short');
    const count = data.readUInt32LE(struct.offset + counter);
    if (count === 0) return [];
    const table = this.pointer({ ...struct, offset: struct.offset + pointer });
    if (!table || table.offset < 0 || table.offset + count * size > table.section.data.length) {
      throw this.odd('a table of its new code is cut short');
    }
    const { section, offset } = table;
    return Array.from({ length: count }, (_, index) => ({
      section,
      offset: offset + index * size,
    }));
  }

  private change({ section, offset }: Place): ChangeRecord {
    const { data } = section;
    return {
      span: data.readUInt32LE(offset + CHANGE.span),
      isData: (data.readUInt32LE(offset + CHANGE.flags) & CHANGE_DATA) !== 0,
      place: this.pointer({ section, offset: offset + CHANGE.newAddr }),
    };
  }

  private ref({ section, offset }: Place): RefRecord | undefined {
    const place = this.pointer({ section, offset: offset + REF.place });
    const relocation = place && this.relocationAt(place);
    if (!relocation) return undefined;
    return {
      key: section.data.readUInt32LE(offset + REF.key),
      addend: Number(section.data.readBigInt64LE(offset + REF.addend)),
      relocation,
    };
  }

  private pointer(place: Place): Place | undefined {
    const relocation = this.relocationAt(place);
    const section = relocation?.symbol.section;
    return section && { section, offset: relocation.symbol.value + relocation.addend };
  }

  private relocationAt({ section, offset }: Place): Relocation | undefined {
    return this.relocations(section).find((one) => one.offset === offset);
  }

  private odd(what: string): KspliceError {
    return new KspliceError('bad-update', `${this.object.name}: ${what}`, {
      advice: 'The update was made by another version of this tool; make it again.',
    });
  }
}

/** Whether a symbol is out of the patched source, not out of the template or kbuild's. */
function isKept({ name, section, type }: ElfSymbol): boolean {
  if (!section || (type !== C.STT_FUNC && type !== C.STT_OBJECT)) return false;
  // Not the padding in front of functions.
  return plainName(name) !== name && !/^__(pfx|cfi)_/.test(name);
}
