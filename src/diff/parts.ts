// An object seen as parts: stretches of sections that belong to one symbol. With
// -ffunction-sections nearly every part is a section of its own, but symbols with
// a section attribute (.data..read_mostly, .init.text, .noinstr.text) and symbols
// that were written in assembly share one.

import { firstNotBefore } from '../base/sorted.js';
import {
  SHN_UNDEF,
  STB_GLOBAL,
  STB_LOCAL,
  STT_FUNC,
  STT_NOTYPE,
  STT_OBJECT,
  STT_SECTION,
} from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';
import { membersOf } from './members.js';
import { type SectionRole, sectionRole } from './sections.js';

/** A function or variable: where it is, and all its names. */
export interface Part {
  /** Dense, in the order of sections and offsets: an index for tables of facts. */
  readonly index: number;
  readonly section: Section;
  readonly role: SectionRole;
  /** In bytes from the section's start; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  /** The name to speak of it: a global one if it has one. */
  readonly symbol: ElfSymbol;
  readonly isFunction: boolean;
  /** All symbols at the start, `symbol` among them. */
  readonly names: readonly ElfSymbol[];
  /** Of clang's variable for one member of a struct: which one, by its distance from the start. */
  readonly member?: number | undefined;
}

/** Where a symbol leads, decided once per symbol. */
export type Anchor =
  /** Undefined, absolute or common: known by name only. */
  | { readonly kind: 'external'; readonly name: string }
  /** Into one part for all addends: `delta` is the symbol's offset from its start. */
  | { readonly kind: 'part'; readonly part: Part; readonly delta: number }
  /** Into a section where the addend decides. */
  | { readonly kind: 'section'; readonly section: Section; readonly value: number };

/** The parts of an object and the ways to find them. */
export class Parts {
  readonly parts: readonly Part[];
  readonly roles: readonly SectionRole[];
  private readonly bySection: readonly (readonly Part[])[];
  private readonly anchors: (Anchor | undefined)[] = [];

  constructor(readonly object: ElfObject) {
    this.roles = object.sections.map(sectionRole);
    const bySection: Part[][] = object.sections.map(() => []);
    const parts: Part[] = [];
    const memberAt = membersOf(object);
    for (const [index, symbols] of symbolsBySection(object).entries()) {
      const section = object.sections[index]!;
      const role = this.roles[index]!;
      for (const [i, names] of symbols.entries()) {
        const next = symbols[i + 1]?.[0]?.value ?? section.size;
        const made = makePart(parts.length, section, role, names, next);
        const part = { ...made, member: memberAt(section, made.start) };
        parts.push(part);
        bySection[index]!.push(part);
      }
    }
    this.parts = parts;
    this.bySection = bySection;
  }

  /** The parts of a section, ascending. */
  inSection(section: Section): readonly Part[] {
    return this.bySection[section.index] ?? [];
  }

  /** The part that an offset belongs to, padding counted to the part before; undefined before the first. */
  at(section: Section, offset: number): Part | undefined {
    const list = this.inSection(section);
    return list[firstNotBefore(list, ({ start }) => start <= offset) - 1];
  }

  /** Where a symbol leads. */
  anchor(symbol: ElfSymbol): Anchor {
    let anchor = this.anchors[symbol.index];
    if (!anchor) {
      anchor = this.findAnchor(symbol);
      this.anchors[symbol.index] = anchor;
    }
    return anchor;
  }

  private findAnchor(symbol: ElfSymbol): Anchor {
    const { section, value } = symbol;
    if (!section) return { kind: 'external', name: symbol.name };
    const list = this.inSection(section);
    // A section symbol's addend may lead before the section's start (PC-relative), never to another part.
    if (list.length === 1 && list[0]!.start === 0) {
      return { kind: 'part', part: list[0]!, delta: value };
    }
    if (symbol.type !== STT_SECTION) {
      const part = this.at(section, value);
      if (part) return { kind: 'part', part, delta: value - part.start };
    }
    return { kind: 'section', section, value };
  }
}

function makePart(
  index: number,
  section: Section,
  role: SectionRole,
  names: readonly ElfSymbol[],
  next: number,
): Part {
  const symbol = names.reduce((best, other) => (rank(other) > rank(best) ? other : best));
  const start = symbol.value;
  const sizes = Math.max(...names.map((name) => name.size));
  return {
    index,
    section,
    role,
    start,
    // Assembly may leave the size out; then everything up to the next symbol is meant.
    end: Math.min(sizes === 0 ? next : start + sizes, section.size),
    symbol,
    isFunction: names.some((name) => name.type === STT_FUNC),
    names,
  };
}

/** A global name is the same in all objects, a local one may be renumbered. */
function rank(symbol: ElfSymbol): number {
  return (symbol.binding === STB_GLOBAL ? 2 : 0) + (symbol.binding !== STB_LOCAL ? 1 : 0);
}

/** Sets of BTF ids begin with a label that has no type. */
function isPartSymbol(type: number, section: Section, name: string): boolean {
  if (type === STT_FUNC || type === STT_OBJECT) return true;
  return type === STT_NOTYPE && section.name === '.BTF_ids' && name !== '';
}

/** For each section index: groups of symbols at the same offset, ascending. */
function symbolsBySection(object: ElfObject): ElfSymbol[][][] {
  const lists: ElfSymbol[][] = object.sections.map(() => []);
  for (const symbol of object.symbols) {
    const { type, section, shndx } = symbol;
    if (!section || shndx === SHN_UNDEF || !isPartSymbol(type, section, symbol.name)) continue;
    // __pfx_f is the padding before f (6.2 and later), not a function.
    if (symbol.name.startsWith('__pfx_')) continue;
    if (symbol.value <= section.size) lists[section.index]!.push(symbol);
  }
  return lists.map((list) => {
    const groups: ElfSymbol[][] = [];
    for (const symbol of list.sort((a, b) => a.value - b.value)) {
      const last = groups.at(-1);
      if (last && last[0]!.value === symbol.value) last.push(symbol);
      else groups.push([symbol]);
    }
    return groups;
  });
}
