// Puts the kept sections, table entries and symbols of several post objects
// together into one model.

import { machine } from '../arch/index.js';
import { KPROBE_LIST } from '../diff/kprobe-list.js';
import type { ResolvedRelocation } from '../diff/object-diff.js';
import * as C from '../elf/constants.js';
import {
  type ModelRelocation,
  type ModelSection,
  type ModelSymbol,
  newSection,
  newSymbol,
  type ObjectModel,
} from '../elf/model.js';
import type { ElfSymbol, Section } from '../elf/object.js';
import { newCodeName } from '../module/new-code-names.js';
import { copyLive } from './dead-code.js';
import type { ChangedObject } from './extraction.js';
import { closedToKprobes } from './kprobe-blacklist.js';
import { MergedTables } from './merged-tables.js';
import { isPerCpu, type Packed, packPerCpu } from './per-cpu.js';
import { isSealed } from './read-only.js';
import type { Undefined } from './undefined.js';

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
  private readonly tables = new MergedTables();
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
    return this.tables.named(name);
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
      this.sections.set(
        section,
        this.packed.get(section)?.section ?? copyLive(section, diff.live(section)),
      );
    }
    for (const kept of diff.entries) this.tables.append(kept);
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
      for (const resolved of diff.relocations(table)) {
        const { symbol, addend } = this.target(object, table, resolved);
        const { section, offset } = this.tables.placeOf(table, resolved.offset)!;
        section.relocations.push({ offset, type: resolved.type, symbol, addend });
      }
    }
  }

  /** The relocations of all kept entries of a table. */
  tableRelocations(name: string): readonly ModelRelocation[] {
    return this.tables.named(name)?.relocations ?? [];
  }

  model(): ObjectModel {
    // Without it the linker takes the stack for executable.
    const note = newSection({ name: '.note.GNU-stack', type: C.SHT_PROGBITS, flags: 0 });
    return {
      sections: [...this.sections.values(), ...this.tables.all(), note],
      symbols: [
        ...this.sectionSymbols.values(),
        ...this.locals.values(),
        ...this.globals,
        ...this.undefinedSymbols.all(),
      ],
    };
  }

  /** Lists the functions that the object's own list does not have, and the kernel's nevertheless. */
  private closeToKprobes({ diff }: ChangedObject): void {
    const closed = closedToKprobes(diff.post).filter((symbol) => this.locals.has(symbol));
    if (closed.length === 0) return;
    this.tables.appendAddresses(
      KPROBE_LIST,
      closed.map((symbol) => this.locals.get(symbol)!),
    );
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
    if (replaced && !machine.code.isBranch(source, { offset, type })) {
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
    const moved = this.tables.placeOf(section, symbol.value);
    if (!moved) throw new Error(`${section.name} is not part of the new code`);
    return { symbol: this.sectionSymbol(moved.section), addend: moved.offset + addend };
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
