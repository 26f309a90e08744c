// What goes into the new code: the replaced functions and everything that they
// need and that the running kernel does not have (new functions and variables,
// strings, anonymous constants, fresh statics), with the special-table entries
// of all that. Whatever the running kernel has is referred to there.

import { SHF_WRITE } from '../elf/constants.js';
import type { ElfSymbol, Relocation, Section } from '../elf/object.js';
import type { Changes } from './changes.js';
import { fateOfNew } from './collected.js';
import type { Correlation } from './correlation.js';
import { dataKind, whyNotInModule } from './data-kinds.js';
import { type Extent, relocationsIn, wholeSection } from './extents.js';
import { hooksOf } from './hooks.js';
import type { Journal } from './journal.js';
import { isFresh } from './names.js';
import type { KeptEntries, ResolvedRelocation } from './object-diff.js';
import type { Part } from './parts.js';
import { pieceAt } from './pieces.js';
import type { Side } from './side.js';
import { replacementExtent, type SpecialEntry } from './special.js';
import { findTarget, leadsInside, takesAddress } from './targets.js';

/** Something that new code refers to and may not; decide.ts turns it into a refusal. */
export interface BadReference {
  readonly why:
    | 'init'
    | 'unknown-section'
    | 'not-in-module'
    | 'ambiguous-static'
    | 'anonymous-data';
  readonly part: Part | undefined;
  readonly section: Section;
}

/** Collects what is kept, from roots on, until nothing more is needed. */
export class Closure {
  readonly kept = new Set<Section>();
  readonly twins = new Map<ElfSymbol, ElfSymbol>();
  readonly bad: BadReference[] = [];
  /** Stretches of kept sections that are used; all others are dead bytes. */
  private readonly live = new Map<Section, Extent[]>();
  private readonly tables = new Map<Section, { entrySize: number; offsets: Set<number> }>();
  private readonly resolved = new Map<Section, ResolvedRelocation[]>();
  private readonly resolvedOffsets = new Map<Section, Set<number>>();
  private readonly queue: { extent: Extent; inTable: boolean }[] = [];
  private readonly replacedPosts: ReadonlySet<Part>;

  constructor(
    private readonly pre: Side,
    private readonly post: Side,
    private readonly correlation: Correlation,
    private readonly changes: Changes,
    private readonly journal: Journal,
  ) {
    this.replacedPosts = new Set(changes.functions.values());
    for (const part of this.replacedPosts) this.keep(part, 'changed');
    for (const [part, fate] of changes.fates) {
      if (fate === 'written') this.keep(part, 'new content, to be written over the old');
    }
    for (const { part } of hooksOf(post.parts)) this.keep(part, 'a hook');
    for (const part of changes.added) {
      // Other objects of the same patch may need what is global.
      const isGlobal = part.symbol.binding !== 0;
      if (isGlobal && (part.role === 'code' || part.role === 'data'))
        this.keepNew(part, 'new, global');
      if (isListed(part)) this.keep(part, 'new, and the module loader looks for it');
    }
    for (let next = this.queue.pop(); next; next = this.queue.pop()) {
      this.resolveExtent(next.extent, next.inTable);
    }
    for (const list of this.resolved.values()) list.sort((a, b) => a.offset - b.offset);
  }

  /** The stretches of a kept section that are used. */
  liveIn(section: Section): readonly Extent[] {
    return this.live.get(section) ?? [];
  }

  /** Relocations of a kept section or table. */
  relocations(section: Section): readonly ResolvedRelocation[] {
    return this.resolved.get(section) ?? [];
  }

  /** Kept table entries, tables in the order of the object's sections. */
  entries(): KeptEntries[] {
    const list = [...this.tables].map(([table, { entrySize, offsets }]) => ({
      table,
      entrySize,
      offsets: [...offsets].sort((a, b) => a - b),
    }));
    return list.sort((a, b) => a.table.index - b.table.index);
  }

  private keep(part: Part, why: string): void {
    const { section } = part;
    if (part.role === 'table' || isListed(part)) {
      this.keepEntry(section, part.end - part.start, part.start, why);
      return;
    }
    // Calls between functions of one section need no relocation, so code is kept section by section.
    const extent =
      part.role === 'code' ? wholeSection(section) : { section, start: part.start, end: part.end };
    if (this.addLive(extent)) {
      this.journal.note(part.symbol.name, `kept: ${why}`);
      this.queue.push({ extent, inTable: false });
      this.keepEntriesOf(extent);
    }
  }

  private keepPiece(extent: Extent): void {
    if (!this.addLive(extent)) return;
    this.queue.push({ extent, inTable: false });
    this.keepEntriesOf(extent);
  }

  /** Marks a stretch as used; false if it already was. */
  private addLive(extent: Extent): boolean {
    this.kept.add(extent.section);
    const list = this.live.get(extent.section) ?? [];
    if (list.some((known) => known.start <= extent.start && extent.end <= known.end)) return false;
    list.push(extent);
    this.live.set(extent.section, list);
    return true;
  }

  private keepEntriesOf(extent: Extent): void {
    const whole = extent.start === 0 && extent.end === extent.section.size;
    for (const entry of this.post.tables.all(extent.section)) {
      const inside = entry.siteOffset >= extent.start && entry.siteOffset < extent.end;
      // The last unwinding entry of a section lies at its end.
      if (!inside && !whole) continue;
      this.keepEntry(entry.table, entry.kind.entrySize, entry.offset, '');
      this.keepReplacement(entry);
      if (entry.kind.name === '.orc_unwind_ip') this.keepOrc(entry);
    }
  }

  private keepReplacement(entry: SpecialEntry): void {
    for (const relocation of entry.relocations) {
      if (relocation.offset - entry.offset !== entry.kind.replacement?.field) continue;
      this.keepPiece(replacementExtent(entry, relocation));
    }
  }

  /** `.orc_unwind` runs parallel to `.orc_unwind_ip`. */
  private keepOrc(entry: SpecialEntry): void {
    const { object, sizes } = this.post.tables;
    const same = object.sectionsNamed('.orc_unwind_ip').indexOf(entry.table);
    const table = object.sectionsNamed('.orc_unwind')[same];
    if (!table) return;
    const index = entry.offset / entry.kind.entrySize;
    this.keepEntry(table, sizes.orc, index * sizes.orc, '');
  }

  private keepEntry(table: Section, entrySize: number, offset: number, why: string): void {
    let kept = this.tables.get(table);
    if (!kept) {
      kept = { entrySize, offsets: new Set() };
      this.tables.set(table, kept);
    }
    if (kept.offsets.has(offset)) return;
    kept.offsets.add(offset);
    const extent = { section: table, start: offset, end: offset + entrySize };
    this.queue.push({ extent, inTable: true });
    const part = why === '' ? undefined : this.post.parts.at(table, offset);
    if (part) this.journal.note(part.symbol.name, `kept: ${why}`);
  }

  private resolveExtent(extent: Extent, inTable: boolean): void {
    const list = this.resolved.get(extent.section) ?? [];
    // Pieces can overlap: one found by an entry's length, another by what refers into it.
    const known = this.resolvedOffsets.get(extent.section) ?? new Set();
    this.resolvedOffsets.set(extent.section, known);
    for (const relocation of relocationsIn(this.post.parts.object, extent)) {
      if (known.has(relocation.offset)) continue;
      known.add(relocation.offset);
      list.push(this.resolve(extent.section, relocation, inTable));
    }
    if (list.length > 0) this.resolved.set(extent.section, list);
  }

  private resolve(section: Section, relocation: Relocation, inTable: boolean): ResolvedRelocation {
    const { offset, type } = relocation;
    const target = findTarget(this.post.parts, section, relocation);
    const kept = { offset, type, to: 'kept' as const, ...pick(relocation) };
    if (target.kind === 'external') return { ...kept, to: 'external' };
    if (target.kind === 'section') {
      const entry = this.post.tables.entryAt(target.section, target.offset);
      if (entry) return this.keepMeantEntry(entry, relocation);
      this.keepAnonymous(target.section, target.offset);
      return kept;
    }
    const { part } = target;
    const twin = this.runningTwin(part);
    const replaced = this.replacedPosts.has(part);
    const toTwin = twin && (!replaced || (!inTable && takesAddress(section, relocation, target)));
    // A table's own site is in kept code, even if that is an unreplaced neighbour in a shared section.
    // So is the function to whose middle its replacement code returns.
    const isReplacement = this.post.parts.roles[section.index] === 'replacement';
    const isOwn = inTable || (isReplacement && leadsInside(section, relocation, target));
    if (isOwn && this.isLive(part)) return kept;
    if (toTwin) {
      // A module keeps its .exit.text as long as it is loaded.
      const isGone = part.role === 'init' && !part.section.name.startsWith('.exit');
      if (isGone && !this.oldCodeRefersTo(twin, section, offset)) {
        this.bad.push({ why: 'init', part, section: part.section });
      }
      this.twins.set(part.symbol, twin.symbol);
      return { offset, type, to: 'running', symbol: twin.symbol, addend: target.offset };
    }
    if (!twin) this.keepNew(part);
    // Entries of tables move, and per-cpu variables: what says which one is meant is its symbol.
    const moves = part.role === 'table' || isListed(part) || dataKind(part.section) === 'per-cpu';
    return moves ? { ...kept, symbol: part.symbol, addend: target.offset } : kept;
  }

  /** An entry moves, so the relocation has to say which is meant. */
  private keepMeantEntry(entry: SpecialEntry, { offset, type, symbol, addend }: Relocation) {
    this.keepEntry(entry.table, entry.kind.entrySize, entry.offset, '');
    const meant = { ...symbol, value: entry.offset };
    return {
      offset,
      type,
      to: 'kept' as const,
      symbol: meant,
      addend: symbol.value + addend - entry.offset,
    };
  }

  /**
   * Whether what new code does there, the old form of the same function does too:
   * code that is marked __ref knows when it can no longer use what it refers to.
   */
  private oldCodeRefersTo(twin: Part, section: Section, offset: number): boolean {
    const from = this.post.parts.at(section, offset);
    const old = from && this.correlation.preOf(from);
    if (!old) return false;
    return relocationsIn(this.pre.parts.object, old).some((relocation) => {
      const target = findTarget(this.pre.parts, old.section, relocation);
      return target.kind === 'part' && target.part === twin;
    });
  }

  /** The part's twin, if it is that one which new code uses. */
  runningTwin(part: Part): Part | undefined {
    return this.changes.fates.get(part) === 'replaced' ? undefined : this.correlation.preOf(part);
  }

  private isLive(part: Part): boolean {
    return (
      part.role === 'code' &&
      (this.live.get(part.section) ?? []).some(
        (extent) => extent.start <= part.start && part.end <= extent.end,
      )
    );
  }

  private keepAnonymous(section: Section, offset: number): void {
    const role = this.post.parts.roles[section.index];
    if (role === 'init' || role === 'unknown') {
      const why = role === 'init' ? 'init' : 'unknown-section';
      this.bad.push({ why, part: undefined, section });
      return;
    }
    if (role === 'data' && section.flags & SHF_WRITE) {
      this.bad.push({ why: 'anonymous-data', part: undefined, section });
    }
    if (role === 'strings' || role === 'constants') this.kept.add(section);
    else this.keepPiece(pieceAt(this.post.parts, section, offset) ?? wholeSection(section));
  }

  private keepNew(part: Part, why = 'new and used'): void {
    const { section } = part;
    if (part.role === 'init') {
      this.bad.push({ why: 'init', part, section });
    } else if (part.role === 'unknown' && !isListed(part)) {
      this.bad.push({ why: 'unknown-section', part, section });
    } else if (part.role === 'data' && whyNotInModule(section)) {
      this.bad.push({ why: 'not-in-module', part, section });
    } else {
      if (this.correlation.isAmbiguous(part)) {
        this.bad.push({ why: 'ambiguous-static', part, section });
      }
      this.keep(part, isFresh(part.symbol.name) ? 'a fresh copy is used' : why);
    }
  }
}

/** Whether a part is an entry of a list that is read in every module that is loaded. */
function isListed(part: Part): boolean {
  return part.role === 'unknown' && fateOfNew(part.section) === 'kept';
}

function pick(relocation: Relocation): { symbol: ElfSymbol; addend: number } {
  return { symbol: relocation.symbol, addend: relocation.addend };
}
