// Puts the kept sections, table entries and symbols of several post objects
// together into one model.

import { KPROBE_LIST } from '../diff/kprobe-list.js';
import { isBranch } from '../diff/targets.js';
import type { KeptEntries, ResolvedRelocation } from '../diff/types.js';
import * as C from '../elf/constants.js';
import {
  copySection,
  type ModelRelocation,
  type ModelSection,
  type ModelSymbol,
  newSection,
  newSymbol,
  type ObjectModel,
} from '../elf/model.js';
import type { ElfSymbol, Section } from '../elf/object.js';
import { newCodeName } from '../update/new-code-names.js';
import { closedToKprobes } from './kprobe-blacklist.js';
import { isPerCpu, type Packed, packPerCpu } from './per-cpu.js';
import { isSealed } from './read-only.js';
import type { ChangedObject } from './types.js';
import type { Undefined } from './undefined.js';

/** Where a table's entry went: distance between the old offset and the new. */
interface MovedEntries {
  readonly kept: KeptEntries;
  readonly section: ModelSection;
  /** Of the first entry, in the merged table. */
  readonly start: number;
}

interface KeyOwner {
  readonly label: string;
  readonly name: string;
}

/** A relocation of the new code, with what it came from. */
export interface Placed {
  readonly object: ChangedObject;
  /** The post section that is relocated. */
  readonly source: Section;
  readonly resolved: ResolvedRelocation;
  readonly section: ModelSection;
  readonly relocation: ModelRelocation;
  /** The object that knows the symbol's key in the match program, and its name there; undefined if it has none. */
  readonly keyOwner: KeyOwner | undefined;
}

export class Assembly {
  /** Relocations of kept sections; those of tables are not listed. */
  readonly placed: Placed[] = [];
  private readonly sections = new Map<Section, ModelSection>();
  private readonly tables = new Map<string, ModelSection>();
  private readonly moved = new Map<Section, MovedEntries>();
  private readonly packed = new Map<Section, Packed>();
  private readonly locals = new Map<ElfSymbol, ModelSymbol>();
  private readonly sectionSymbols = new Map<ModelSection, ModelSymbol>();
  private readonly globals: ModelSymbol[] = [];
  /** Global symbols that the new code of some object defines, by name. */
  private readonly definitions = new Map<string, { object: ChangedObject; symbol: ElfSymbol }>();

  constructor(
    objects: readonly ChangedObject[],
    private readonly undefinedSymbols: Undefined,
    private readonly id: string,
  ) {
    for (const object of objects) {
      // What is written over the old data stays where that is.
      const written = new Set(object.diff.written.map(({ post }) => post));
      for (const symbol of object.diff.post.symbols) {
        const { section, binding } = symbol;
        if (binding === C.STB_LOCAL || !section || !object.diff.kept.has(section)) continue;
        if (written.has(symbol)) continue;
        this.definitions.set(symbol.name, { object, symbol });
      }
    }
  }

  /** The copy of a kept section. */
  sectionOf(section: Section): ModelSection {
    const copy = this.sections.get(section);
    if (!copy) throw new Error(`${section.name} is not part of the new code`);
    return copy;
  }

  /** The kept entries of a table. */
  table(name: string): ModelSection | undefined {
    return this.tables.get(name);
  }

  /** Adds a global symbol that the module's C source refers to. */
  addGlobal(name: string, section: ModelSection, value: number, size: number): void {
    let type = section.flags & C.SHF_EXECINSTR ? C.STT_FUNC : C.STT_OBJECT;
    // A place, and neither: objtool wants functions to have a size.
    if (size === 0) type = C.STT_NOTYPE;
    this.globals.push(newSymbol({ name, type, section, value, size }));
  }

  addSections(object: ChangedObject): void {
    const { diff } = object;
    for (const section of diff.post.sections) {
      if (!diff.kept.has(section)) continue;
      if (isPerCpu(section)) this.packed.set(section, packPerCpu(section, diff.live(section)));
      this.sections.set(section, this.packed.get(section)?.section ?? copySection(section));
    }
    for (const kept of diff.entries) this.appendEntries(kept);
    for (const symbol of diff.post.symbols) {
      const copy = symbol.section && this.sections.get(symbol.section);
      if (!copy || !isWorthAName(symbol)) continue;
      // What only shares a section with new data stays in the running kernel.
      if (symbol.type === C.STT_OBJECT && diff.twins.has(symbol)) continue;
      const value = this.placeOf(symbol);
      if (value === undefined) continue;
      const { type, size, other } = symbol;
      const name = newCodeName(symbol.name, this.id);
      const binding = C.STB_LOCAL;
      this.locals.set(
        symbol,
        newSymbol({ name, binding, type, section: copy, value, size, other }),
      );
    }
    this.closeToKprobes(object);
  }

  addRelocations(object: ChangedObject): void {
    const { diff } = object;
    for (const source of diff.post.sections) {
      const section = this.sections.get(source);
      if (!section) continue;
      for (const resolved of diff.relocations(source)) {
        const { symbol, addend, keyOwner } = this.target(object, source, resolved);
        const offset = this.packed.get(source)?.at(resolved.offset) ?? resolved.offset;
        const relocation = { offset, type: resolved.type, symbol, addend };
        section.relocations.push(relocation);
        this.placed.push({ object, source, resolved, section, relocation, keyOwner });
      }
    }
    for (const { table } of diff.entries) {
      const entries = this.moved.get(table)!;
      for (const resolved of diff.relocations(table)) {
        const { symbol, addend } = this.target(object, table, resolved);
        const offset = movedOffset(entries, resolved.offset);
        entries.section.relocations.push({ offset, type: resolved.type, symbol, addend });
      }
    }
  }

  /** The relocations of all kept entries of a table. */
  tableRelocations(name: string): readonly ModelRelocation[] {
    return this.tables.get(name)?.relocations ?? [];
  }

  model(): ObjectModel {
    // Without it the linker takes the stack for executable.
    const note = newSection({ name: '.note.GNU-stack', type: C.SHT_PROGBITS, flags: 0 });
    return {
      sections: [...this.sections.values(), ...this.tables.values(), note],
      symbols: [
        ...this.sectionSymbols.values(),
        ...this.locals.values(),
        ...this.globals,
        ...this.undefinedSymbols.all(),
      ],
    };
  }

  /** Tables of the same name become one, so that parallel ones (ORC) stay in step. */
  private appendEntries(kept: KeptEntries): void {
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

  /** Lists the functions that the object's own list does not have, and the kernel's nevertheless. */
  private closeToKprobes({ diff }: ChangedObject): void {
    const closed = closedToKprobes(diff.post).filter((symbol) => this.locals.has(symbol));
    if (closed.length === 0) return;
    let table = this.tables.get(KPROBE_LIST);
    if (!table) {
      const flags = C.SHF_ALLOC | C.SHF_WRITE;
      table = newSection({ name: KPROBE_LIST, type: C.SHT_PROGBITS, flags, addralign: 8 });
      this.tables.set(KPROBE_LIST, table);
    }
    for (const symbol of closed) {
      const local = this.locals.get(symbol)!;
      table.relocations.push({ offset: table.size, type: C.R_X86_64_64, symbol: local, addend: 0 });
      table.size += 8;
    }
    table.data = Buffer.concat([table.data, Buffer.alloc(closed.length * 8)]);
  }

  private target(object: ChangedObject, source: Section, resolved: ResolvedRelocation) {
    const { symbol, addend } = resolved;
    const keyOwner = { label: object.label, name: symbol.name };
    switch (resolved.to) {
      case 'kept':
        return { ...this.definedAt(symbol, addend), keyOwner };
      case 'running':
        return {
          symbol: this.undefinedSymbols.own(object.label, symbol),
          addend,
          keyOwner: ownKey(object, symbol),
        };
      case 'external':
        return { addend, ...this.external(object, source, resolved) };
    }
  }

  private external(object: ChangedObject, source: Section, resolved: ResolvedRelocation) {
    const { symbol, offset, type } = resolved;
    const { label } = object;
    const keyOwner = { label, name: symbol.name };
    if (symbol.shndx === C.SHN_ABS) {
      const { value, size, shndx } = symbol;
      const name = newCodeName(symbol.name, this.id);
      const copy =
        this.locals.get(symbol) ?? newSymbol({ name, binding: C.STB_LOCAL, shndx, value, size });
      this.locals.set(symbol, copy);
      return { symbol: copy, keyOwner };
    }
    const definition = this.definitions.get(symbol.name);
    if (!definition) {
      this.nameStaticCallKey(object, symbol.name);
      return { symbol: this.undefinedSymbols.external(label, symbol), keyOwner };
    }
    const replaced = definition.object.diff.replaced.find(
      (change) => change.post === definition.symbol,
    );
    if (replaced && !isBranch(source, { offset, type })) {
      // The address of a replaced function stays the old one.
      const owner = definition.object.label;
      return {
        symbol: this.undefinedSymbols.own(owner, replaced.pre),
        keyOwner: ownKey(definition.object, replaced.pre),
      };
    }
    return { symbol: this.locals.get(definition.symbol)!, keyOwner };
  }

  /**
   * Where objtool has not listed the static calls yet, and will when the module is
   * linked, it looks for the key of a trampoline among the object's symbols. Without
   * one it lists the trampoline, from which the kernel finds only keys that are not exported.
   */
  private nameStaticCallKey({ label, diff }: ChangedObject, trampoline: string): void {
    const [, name] = /^__SCT__(.+)$/.exec(trampoline) ?? [];
    if (name === undefined || diff.post.section('.static_call_sites')) return;
    const key = diff.post.symbols.find((symbol) => symbol.name === `__SCK__${name}`);
    if (key && !key.section) this.undefinedSymbols.mention(label, key);
    if (key && isSealed(key) && !this.sections.has(key.section!)) {
      this.undefinedSymbols.refuseSealedCall(label, key);
    }
  }

  /** A symbol of a post object that is in the new code, or in a kept entry of a table. */
  private definedAt(symbol: ElfSymbol, addend: number): { symbol: ModelSymbol; addend: number } {
    const local = this.locals.get(symbol);
    if (local && !this.packed.has(symbol.section!)) return { symbol: local, addend };
    const section = symbol.section!;
    const copy = this.sections.get(section);
    if (copy) {
      const place = this.placeOf(symbol) ?? symbol.value;
      return { symbol: this.sectionSymbol(copy), addend: place + addend };
    }
    const entries = this.moved.get(section);
    if (!entries) throw new Error(`${section.name} is not part of the new code`);
    const start = movedOffset(entries, symbol.value);
    return { symbol: this.sectionSymbol(entries.section), addend: start + addend };
  }

  /** Where a symbol is in the copy of its section; undefined if that has no such place. */
  private placeOf({ section, value }: ElfSymbol): number | undefined {
    const packed = section && this.packed.get(section);
    return packed ? packed.at(value) : value;
  }

  private sectionSymbol(section: ModelSection): ModelSymbol {
    let symbol = this.sectionSymbols.get(section);
    if (!symbol) {
      symbol = newSymbol({ name: '', binding: C.STB_LOCAL, type: C.STT_SECTION, section });
      this.sectionSymbols.set(section, symbol);
    }
    return symbol;
  }
}

/** The key of a symbol of the pre object. */
function ownKey({ label, homes }: ChangedObject, pre: ElfSymbol): KeyOwner | undefined {
  const name = homes ? homes.bootedName(pre) : pre.name;
  return name === undefined ? undefined : { label, name };
}

/** The assembler's own labels (`.LC4`) say nothing in a backtrace. */
function isWorthAName({ name, type }: ElfSymbol): boolean {
  return name !== '' && !name.startsWith('.L') && type !== C.STT_SECTION;
}

function movedOffset({ kept, start }: MovedEntries, offset: number): number {
  const { entrySize, offsets } = kept;
  const within = offset % entrySize;
  const index = offsets.indexOf(offset - within);
  if (index < 0) throw new Error(`${kept.table.name}+${offset} was not kept`);
  return start + index * entrySize + within;
}
