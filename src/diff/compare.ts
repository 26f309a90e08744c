// Whether a part of the pre object and its counterpart in the post object are
// the same: their bytes outside relocations, where the relocations lead, and
// the special-table entries of their code. What has no name of its own (strings,
// constants, replacement instructions, fresh statics) is compared by content at
// every reference to it, never by offset.

import {
  R_X86_64_PC32,
  R_X86_64_PLT32,
  relocationShape,
  SHF_MERGE,
  SHF_STRINGS,
  SHT_NOBITS,
} from '../elf/constants.js';
import type { Relocation, Section } from '../elf/object.js';
import type { Correlation } from './correlate.js';
import type { Journal } from './journal.js';
import { isFresh } from './names.js';
import type { Part, Parts } from './parts.js';
import { pieceAt } from './pieces.js';
import type { SectionRole } from './sections.js';
import type { Entry, SpecialTables } from './special.js';
import { findTarget, type Target } from './targets.js';

/** A stretch of a section; `end` is exclusive. */
export interface Extent {
  readonly section: Section;
  readonly start: number;
  readonly end: number;
}

/** The first difference found, in words; undefined if there is none. */
type Difference = string | undefined;

/** One side of a comparison. */
export interface Side {
  readonly parts: Parts;
  readonly tables: SpecialTables;
}

/** Compares parts and remembers the result. */
export class Comparison {
  /** By index of the pre part, then of the post part; anonymous pieces by their place. */
  private readonly known = new Map<string, Difference>();

  constructor(
    readonly pre: Side,
    readonly post: Side,
    readonly correlation: Correlation,
    private readonly journal: Journal,
  ) {}

  /** Whether two parts are the same, apart from their names. */
  same(pre: Part, post: Part): boolean {
    return this.difference(pre, post) === undefined;
  }

  /** The first difference between two parts. */
  difference(pre: Part, post: Part): Difference {
    const key = `${pre.index} ${post.index}`;
    if (this.known.has(key)) return this.known.get(key);
    // Taken as the same while it is being compared: two parts may refer to each other.
    this.known.set(key, undefined);
    const found = this.extents(pre, post, this.lineMask(pre)) ?? this.entries(pre, post);
    this.known.set(key, found);
    if (found !== undefined) {
      this.journal.note(post.symbol.name, `differs from ${pre.symbol.name}: ${found}`);
    }
    return found;
  }

  /** Bits of a part that hold a line number: those of a dynamic debug descriptor. */
  private lineMask(part: Part): Uint8Array | undefined {
    return part.section.name === '__dyndbg' ? this.pre.tables.sizes.dyndbgLine : undefined;
  }

  private extents(a: Extent, b: Extent, ignored?: Uint8Array): Difference {
    const size = a.end - a.start;
    if (size !== b.end - b.start) return `size ${size} became ${b.end - b.start}`;
    if ((a.section.type === SHT_NOBITS) !== (b.section.type === SHT_NOBITS)) {
      return `moved from ${a.section.name} to ${b.section.name}`;
    }
    const left = relocationsIn(this.pre, a);
    const right = relocationsIn(this.post, b);
    if (left.length !== right.length) {
      return `${left.length} relocations became ${right.length}`;
    }
    for (const [i, relocation] of left.entries()) {
      const other = right[i]!;
      const at = relocation.offset - a.start;
      if (at !== other.offset - b.start || !sameType(relocation, other)) {
        return `relocations differ at +0x${at.toString(16)}`;
      }
      const found = this.references(a.section, relocation, b.section, other);
      if (found !== undefined) return `at +0x${at.toString(16)}: ${found}`;
    }
    return bytes(a, b, holesOf(left, a.start, ignored)) ?? maskedBytes(a, b, ignored);
  }

  private references(
    a: Section,
    relocation: Relocation,
    b: Section,
    other: Relocation,
  ): Difference {
    const from = findTarget(this.pre.parts, a, relocation);
    const to = findTarget(this.post.parts, b, other);
    return this.targets(from, to) ? undefined : `${name(from)} became ${name(to)}`;
  }

  /** Whether two references lead to the same thing. */
  private targets(from: Target, to: Target): boolean {
    if (from.kind === 'external' && to.kind === 'external') {
      return from.name === to.name && from.addend === to.addend;
    }
    if (from.kind === 'part' && to.kind === 'part') {
      if (from.offset !== to.offset) return false;
      if (this.correlation.postOf(from.part) === to.part) return true;
      const free = !this.correlation.postOf(from.part) && !this.correlation.preOf(to.part);
      return (
        free && isAnonymous(from.part) && isAnonymous(to.part) && this.same(from.part, to.part)
      );
    }
    if (from.kind === 'section' && to.kind === 'section') {
      return this.pieces(from.section, from.offset, to.section, to.offset);
    }
    return false;
  }

  /** Whether the anonymous pieces at two places have the same content. */
  private pieces(a: Section, offset: number, b: Section, other: number): boolean {
    const left = pieceAt(this.pre.parts, a, offset);
    const right = pieceAt(this.post.parts, b, other);
    if (offset - left.start !== other - right.start) return false;
    const key = `${a.index}+${offset} ${b.index}+${other}`;
    const before = this.known.get(key);
    if (before !== undefined || this.known.has(key)) return before === undefined;
    this.known.set(key, undefined);
    let found = this.extents(left, right);
    if (found !== undefined && sameText(left, right)) found = undefined;
    this.known.set(key, found);
    return found === undefined;
  }

  /**
   * Names of sections without parts of their own whose content differs:
   * anonymous code, and what is of no kind that is compared by reference.
   */
  changedSections(): string[] {
    const names = new Set([
      ...bareSections(this.pre.parts).keys(),
      ...bareSections(this.post.parts).keys(),
    ]);
    const pres = bareSections(this.pre.parts);
    const posts = bareSections(this.post.parts);
    return [...names].filter((name) => {
      const left = pres.get(name) ?? [];
      const right = posts.get(name) ?? [];
      if (left.length !== right.length) return true;
      // An export's section is named after the symbol and holds nothing else.
      if (this.roleOf(name) === 'export') return false;
      return left.some((a, i) => this.extents(whole(a), whole(right[i]!)) !== undefined);
    });
  }

  /** The role of the sections of a name. */
  roleOf(name: string): SectionRole | undefined {
    for (const { parts } of [this.post, this.pre]) {
      const section = parts.object.section(name);
      if (section) return parts.roles[section.index];
    }
    return undefined;
  }

  private entries(pre: Part, post: Part): Difference {
    const left = entriesIn(this.pre, pre);
    const right = entriesIn(this.post, post);
    if (left.length !== right.length) {
      return `${left.length} special-table entries became ${right.length}`;
    }
    for (const [i, entry] of left.entries()) {
      const other = right[i]!;
      const at = entry.siteOffset - pre.start;
      const same =
        entry.kind.name === other.kind.name &&
        at === other.siteOffset - post.start &&
        this.sameEntry(entry, other);
      if (!same) return `entry of ${entry.kind.name} for +0x${at.toString(16)} differs`;
    }
    return undefined;
  }

  private sameEntry(a: Entry, b: Entry): boolean {
    if (a.relocations.length !== b.relocations.length) return false;
    const { entrySize, ignored, replacement } = a.kind;
    for (const [i, relocation] of a.relocations.entries()) {
      const other = b.relocations[i]!;
      const field = relocation.offset - a.offset;
      if (field !== other.offset - b.offset || relocation.type !== other.type) return false;
      if (i === 0) continue; // the site
      if (field === replacement?.field) {
        if (!this.sameReplacement(a, relocation, b, other)) return false;
      } else if (this.references(a.table, relocation, b.table, other) !== undefined) {
        return false;
      }
    }
    const holes = holesOf(a.relocations, a.offset);
    if (ignored) holes.push({ offset: a.offset + ignored[0], length: ignored[1] });
    const extent = (entry: Entry) => ({
      section: entry.table,
      start: entry.offset,
      end: entry.offset + entrySize,
    });
    return bytes(extent(a), extent(b), holes) === undefined;
  }

  private sameReplacement(a: Entry, from: Relocation, b: Entry, to: Relocation): boolean {
    const left = replacementExtent(a, from);
    const right = replacementExtent(b, to);
    if (!left || !right) return left === right;
    return this.extents(left, right) === undefined;
  }
}

/** The replacement instructions that an entry of `.altinstructions` points to. */
export function replacementExtent(entry: Entry, relocation: Relocation): Extent | undefined {
  const section = relocation.symbol.section;
  if (!section || !entry.kind.replacement) return undefined;
  const start = relocation.symbol.value + relocation.addend;
  const length = entry.table.data[entry.offset + entry.kind.replacement.length] ?? 0;
  return { section, start, end: start + length };
}

/** Sections that are compared as a whole, by name. */
function bareSections(parts: Parts): Map<string, Section[]> {
  const result = new Map<string, Section[]>();
  for (const section of parts.object.sections) {
    const role = parts.roles[section.index];
    const isBare = parts.inSection(section).length === 0 && section.size > 0;
    const wanted =
      role === 'module-info' ||
      role === 'export' ||
      (isBare && (role === 'code' || role === 'unknown' || role === 'init'));
    // The strings of __init functions are compared where they are used.
    if (!wanted || (section.flags & SHF_MERGE && role === 'init')) continue;
    const list = result.get(section.name);
    if (list) list.push(section);
    else result.set(section.name, [section]);
  }
  return result;
}

function whole(section: Section): Extent {
  return { section, start: 0, end: section.size };
}

/** Relocations of a side in a stretch of a section, ascending. */
export function relocationsIn(side: { parts: Parts }, extent: Extent): readonly Relocation[] {
  const all = side.parts.object.relocations(extent.section);
  if (extent.start === 0 && extent.end >= extent.section.size) return all;
  const low = firstAt(all, extent.start);
  return all.slice(low, firstAt(all, extent.end, low));
}

/** Index of the first relocation at or after an offset. */
function firstAt(list: readonly Relocation[], offset: number, from = 0): number {
  let low = from;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function entriesIn(side: Side, part: Part): readonly Entry[] {
  if (part.role !== 'code' && part.role !== 'init') return [];
  const all = side.tables.compared(part.section);
  if (side.parts.inSection(part.section).length === 1) return all;
  return all.filter((entry) => side.parts.at(part.section, entry.siteOffset) === part);
}

/** A stretch whose bytes are not compared; the offset is in the pre section. */
interface Hole {
  readonly offset: number;
  readonly length: number;
}

/** The relocated fields, and the bytes that `ignored` has bits in. */
function holesOf(relocations: readonly Relocation[], start: number, ignored?: Uint8Array): Hole[] {
  const holes = relocations.map(({ offset, type }) => ({
    offset,
    length: relocationShape(type)?.width ?? 0,
  }));
  for (const [i, mask] of ignored?.entries() ?? []) {
    if (mask) holes.push({ offset: start + i, length: 1 });
  }
  return holes;
}

/** Compares bytes outside the holes. */
function bytes(a: Extent, b: Extent, holes: Hole[]): Difference {
  if (a.section.type === SHT_NOBITS) return undefined;
  const left = a.section.data;
  const right = b.section.data;
  const shift = b.start - a.start;
  let at = a.start;
  holes.sort((one, two) => one.offset - two.offset);
  for (const hole of [...holes, { offset: a.end, length: 0 }]) {
    if (hole.offset > at && left.compare(right, at + shift, hole.offset + shift, at, hole.offset)) {
      let first = at;
      while (left[first] === right[first + shift]) first++;
      return `bytes differ at +0x${(first - a.start).toString(16)}`;
    }
    at = Math.max(at, hole.offset + hole.length);
  }
  return undefined;
}

/** Compares the bits that share a byte with ignored ones. */
function maskedBytes(a: Extent, b: Extent, ignored: Uint8Array | undefined): Difference {
  for (const [i, mask] of ignored?.entries() ?? []) {
    const left = a.section.data[a.start + i] ?? 0;
    const right = b.section.data[b.start + i] ?? 0;
    if (mask && (left ^ right) & ~mask & 0xff) return `bytes differ at +0x${i.toString(16)}`;
  }
  return undefined;
}

/**
 * Whether two strings differ in a source line's number only. The fortified
 * memcpy's warning has one: `field "key->key" at net/ipv4/tcp_ipv4.c:1197`.
 */
function sameText(a: Extent, b: Extent): boolean {
  if (!(a.section.flags & SHF_STRINGS) || !(b.section.flags & SHF_STRINGS)) return false;
  const text = ({ section, start, end }: Extent) =>
    section.data.toString('latin1', start, end).replace(/(\.[chS]):\d+(?=\0$)/, '$1:');
  return text(a) === text(b);
}

/** A call is PLT32 to a global function and PC32 to a static one; they are computed alike. */
function sameType(a: Relocation, b: Relocation): boolean {
  const kind = ({ type }: Relocation) => (type === R_X86_64_PLT32 ? R_X86_64_PC32 : type);
  return kind(a) === kind(b);
}

/** Parts without an identity: nothing but their content counts. */
function isAnonymous(part: Part): boolean {
  return part.role === 'table' || part.names.every((symbol) => isFresh(symbol.name));
}

function name(target: Target): string {
  switch (target.kind) {
    case 'external':
      return target.name;
    case 'part':
      return `${target.part.symbol.name}+0x${target.offset.toString(16)}`;
    case 'section':
      return `${target.section.name}+0x${target.offset.toString(16)}`;
  }
}
