// Whether a part of the pre object and its counterpart in the post object are
// the same: their bytes outside relocations, where the relocations lead, and
// the special-table entries of their code. What has no name of its own (strings,
// constants, replacement instructions, fresh statics) is compared by content at
// every reference to it, never by offset.

import { relocations } from '../arch/relocations.js';
import { SHF_STRINGS, SHT_NOBITS } from '../elf/constants.js';
import type { Relocation, Section } from '../elf/object.js';
import { DEBUG_MESSAGES } from '../elf/tables.js';
import type { Correlation } from './correlation.js';
import {
  contents,
  type Extent,
  firstDifference,
  type Hole,
  relocationHoles,
  relocationsIn,
} from './extents.js';
import type { Journal } from './journal.js';
import { lineNumbers } from './line-numbers.js';
import { isFresh } from './names.js';
import type { Part } from './parts.js';
import { pieceAt } from './pieces.js';
import { displacementsToSame } from './same-branches.js';
import type { DifferenceInWords, Side } from './side.js';
import { replacementExtent, type SpecialEntry } from './special.js';
import { findTarget, type Target } from './targets.js';

/** Whether numbers of lines in code count: `__LINE__` in a call. */
export type LineNumbers = 'compared' | 'ignored';

/** Compares parts and remembers the result. */
export class Comparison {
  /** By index of the pre part, then of the post part. */
  private readonly parts = new Map<number, DifferenceInWords>();
  /** Functions that are the same but for line numbers in their code. */
  readonly movedLines = new Set<Part>();
  /** Anonymous pieces, by their places. */
  private readonly pieces = new Map<string, boolean>();

  constructor(
    readonly pre: Side,
    readonly post: Side,
    readonly correlation: Correlation,
    private readonly journal: Journal,
    private readonly lines: LineNumbers = 'compared',
  ) {}

  /** Whether two parts are the same, apart from their names. */
  same(pre: Part, post: Part): boolean {
    return this.difference(pre, post) === undefined;
  }

  /** The first difference between two parts. */
  difference(pre: Part, post: Part): DifferenceInWords {
    const key = pre.index * this.post.parts.parts.length + post.index;
    if (this.parts.has(key)) return this.parts.get(key);
    // Taken as the same while it is being compared: two parts may refer to each other.
    this.parts.set(key, undefined);
    const found = this.bodies(pre, post) ?? this.entries(pre, post);
    this.parts.set(key, found);
    if (found !== undefined) {
      this.journal.note(post.symbol.name, `differs from ${pre.symbol.name}: ${found}`);
    }
    return found;
  }

  private bodies(pre: Part, post: Part): DifferenceInWords {
    const branches = () => displacementsToSame(this.pre, this.post, this.correlation, pre, post);
    if (DEBUG_MESSAGES.has(pre.section.name)) return this.descriptors(pre, post);
    const found = this.extents(pre, post, branches);
    if (found === undefined || this.lines === 'compared') return found;
    const lines = () => [...branches(), ...lineNumbers(this.post.parts, post)];
    if (this.extents(pre, post, lines) !== undefined) return found;
    this.movedLines.add(post);
    return undefined;
  }

  /** Two dynamic debug descriptors, the bits of the line number left out. */
  private descriptors(pre: Part, post: Part): DifferenceInWords {
    const { dyndbgLine } = this.pre.tables.sizes;
    const holes = [...dyndbgLine.entries()]
      .filter(([, mask]) => mask !== 0)
      .map(([i]) => ({ offset: pre.start + i, length: 1 }));
    const [left, right] = [contents(pre), contents(post)];
    for (const [i, mask] of dyndbgLine.entries()) {
      if (((left[i] ?? 0) ^ (right[i] ?? 0)) & ~mask & 0xff && mask !== 0) {
        return `bytes differ at ${hex(i)}`;
      }
    }
    return this.extents(pre, post, () => holes);
  }

  /**
   * Two stretches.
   * @param more offsets whose bytes may differ besides relocations; asked for only if bytes differ
   */
  extents(a: Extent, b: Extent, more: () => readonly Hole[] = () => []): DifferenceInWords {
    const size = a.end - a.start;
    if (size !== b.end - b.start) return `size ${size} became ${b.end - b.start}`;
    const left = relocationsIn(this.pre.parts.object, a);
    const right = relocationsIn(this.post.parts.object, b);
    if (left.length !== right.length) {
      return `${left.length} relocations became ${right.length}`;
    }
    for (let i = 0; i < left.length; i++) {
      const relocation = left[i]!;
      const other = right[i]!;
      const at = relocation.offset - a.start;
      if (at !== other.offset - b.start || !sameType(relocation, other)) {
        return `relocations differ at ${hex(at)}`;
      }
      if (!this.sameReference(a.section, relocation, b.section, other)) {
        return `at ${hex(at)}: ${this.inWords(a.section, relocation, b.section, other)}`;
      }
    }
    if (a.section.type === SHT_NOBITS && b.section.type === SHT_NOBITS) return undefined;
    const first = firstDifference(a, b, () => [...relocationHoles(left), ...more()]);
    return first < 0 ? undefined : `bytes differ at ${hex(first)}`;
  }

  /** Whether two relocations lead to the same thing. */
  private sameReference(
    a: Section,
    relocation: Relocation,
    b: Section,
    other: Relocation,
  ): boolean {
    const from = this.pre.parts.anchor(relocation.symbol);
    const to = this.post.parts.anchor(other.symbol);
    // The two common cases, without making targets of them.
    if (from.kind === 'part' && to.kind === 'part') {
      const offset = from.delta + relocation.addend;
      return offset === to.delta + other.addend && this.sameThing(from.part, to.part);
    }
    if (from.kind === 'external' && to.kind === 'external') {
      return from.name === to.name && relocation.addend === other.addend;
    }
    return this.sameTarget(
      findTarget(this.pre.parts, a, relocation),
      findTarget(this.post.parts, b, other),
    );
  }

  private sameTarget(from: Target, to: Target): boolean {
    if (from.kind === 'part' && to.kind === 'part') {
      return from.offset === to.offset && this.sameThing(from.part, to.part);
    }
    if (from.kind === 'section' && to.kind === 'section') return this.samePiece(from, to);
    return false;
  }

  /** Whether two parts are one, or are without identity and of the same content. */
  private sameThing(from: Part, to: Part): boolean {
    const twin = this.correlation.postOf(from);
    if (twin || this.correlation.preOf(to)) return twin === to;
    return isAnonymous(from) && isAnonymous(to) && this.same(from, to);
  }

  /** Whether the anonymous pieces at two places have the same content. */
  private samePiece(from: Target & { kind: 'section' }, to: Target & { kind: 'section' }): boolean {
    const [one, other] = [this.pre, this.post].map((side, index) => {
      const { section, offset } = index === 0 ? from : to;
      return side.tables.entryAt(section, offset);
    });
    if (one && other) return this.sameMeantEntry(one, other);
    const left = pieceAt(this.pre.parts, from.section, from.offset);
    const right = pieceAt(this.post.parts, to.section, to.offset);
    if (!left || !right) {
      // The end of a table, or a place just outside of it.
      return from.section.name === to.section.name && from.offset === to.offset;
    }
    if (from.offset - left.start !== to.offset - right.start) return false;
    const key = `${from.section.index}+${from.offset} ${to.section.index}+${to.offset}`;
    const before = this.pieces.get(key);
    if (before !== undefined) return before;
    this.pieces.set(key, true);
    const same = this.extents(left, right) === undefined || sameText(left, right);
    this.pieces.set(key, same);
    return same;
  }

  private entries(pre: Part, post: Part): DifferenceInWords {
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
      if (!same) return `entry of ${entry.kind.name} for ${hex(at)} differs`;
    }
    return undefined;
  }

  /** Whether code that has the addresses of two entries means the same: WARN_ONCE() hands over its own. */
  private sameMeantEntry(a: SpecialEntry, b: SpecialEntry): boolean {
    const from = this.pre.parts.at(a.site, a.siteOffset);
    const to = this.post.parts.at(b.site, b.siteOffset);
    if (!from || !to || a.kind.name !== b.kind.name || !this.sameThing(from, to)) return false;
    return a.siteOffset - from.start === b.siteOffset - to.start && this.sameEntry(a, b);
  }

  private sameEntry(a: SpecialEntry, b: SpecialEntry): boolean {
    if (a.relocations.length !== b.relocations.length) return false;
    const { ignored, replacement } = a.kind;
    for (const [i, relocation] of a.relocations.entries()) {
      const other = b.relocations[i]!;
      const field = relocation.offset - a.offset;
      if (field !== other.offset - b.offset || relocation.type !== other.type) return false;
      if (i === 0) continue; // the site
      if (field === replacement?.field) {
        const left = replacementExtent(a, relocation);
        const right = replacementExtent(b, other);
        if (this.extents(left, right) !== undefined) return false;
      } else if (!this.sameReference(a.table, relocation, b.table, other)) {
        return false;
      }
    }
    const holes = () => {
      const list = relocationHoles(a.relocations);
      if (ignored) list.push({ offset: a.offset + ignored[0], length: ignored[1] });
      return list;
    };
    return firstDifference(entryExtent(a), entryExtent(b), holes) < 0;
  }

  private inWords(a: Section, relocation: Relocation, b: Section, other: Relocation): string {
    const from = findTarget(this.pre.parts, a, relocation);
    const to = findTarget(this.post.parts, b, other);
    return `${targetName(from)} became ${targetName(to)}`;
  }
}

function entryExtent(entry: SpecialEntry): Extent {
  return { section: entry.table, start: entry.offset, end: entry.offset + entry.kind.entrySize };
}

function entriesIn(side: Side, part: Part): readonly SpecialEntry[] {
  if (!part.isFunction) return [];
  const all = side.tables.compared(part.section);
  if (all.length === 0 || side.parts.inSection(part.section).length === 1) return all;
  return all.filter((entry) => side.parts.at(part.section, entry.siteOffset) === part);
}

/** A call of a global function may have another type than that of a static one. */
function sameType(a: Relocation, b: Relocation): boolean {
  return relocations.plain(a.type) === relocations.plain(b.type);
}

/**
 * Whether two strings differ in a source line's number only. The fortified
 * memcpy's warning has one: `field "key->key" at net/ipv4/tcp_ipv4.c:1197`.
 */
function sameText(a: Extent, b: Extent): boolean {
  if (!(a.section.flags & SHF_STRINGS) || !(b.section.flags & SHF_STRINGS)) return false;
  const text = (extent: Extent) =>
    contents(extent)
      .toString('latin1')
      .replace(/(\.[chS]):\d+(?=\0$)/, '$1:');
  return text(a) === text(b);
}

/** Parts without an identity: nothing but their content counts. */
function isAnonymous(part: Part): boolean {
  return part.role === 'table' || part.names.every((symbol) => isFresh(symbol.name));
}

function targetName(target: Target): string {
  switch (target.kind) {
    case 'external':
      return target.name;
    case 'part':
      return target.part.symbol.name + hex(target.offset);
    case 'section':
      return target.section.name + hex(target.offset);
  }
}

function hex(offset: number): string {
  return offset < 0 ? `-0x${(-offset).toString(16)}` : `+0x${offset.toString(16)}`;
}
