// The extent of something that has no symbol, from a reference to it: a string
// ends with its NUL, a mergeable constant is as long as its section's entries,
// anything else (initial images of structures, replacement code) reaches up to
// the next place that something refers to.

import type { Section } from '../elf/object.js';
import type { Extent } from './extents.js';
import type { Parts } from './parts.js';
import { forEachReference } from './references.js';
import type { SectionRole } from './sections.js';

/** The piece of an anonymous section that holds `offset`; undefined if that is outside. */
export function pieceAt(parts: Parts, section: Section, offset: number): Extent | undefined {
  if (offset < 0 || offset >= section.size) return undefined;
  switch (parts.roles[section.index]) {
    case 'strings': {
      // A reference into the middle (a tail shared by merging) means the rest only.
      const width = Math.max(section.entsize, 1);
      return { section, start: offset, end: stringEnd(section.data, offset, width) };
    }
    case 'constants': {
      const width = Math.max(section.entsize, 1);
      const start = offset - (offset % width);
      return { section, start, end: Math.min(start + width, section.size) };
    }
    default: {
      const bounds = boundaries(parts, section);
      let start = 0;
      for (const bound of bounds) {
        if (bound > offset) return { section, start, end: bound };
        start = bound;
      }
      return { section, start, end: section.size };
    }
  }
}

function stringEnd(data: Buffer, offset: number, width: number): number {
  for (let at = offset; at + width <= data.length; at += width) {
    if (data.subarray(at, at + width).every((byte) => byte === 0)) return at + width;
  }
  return data.length;
}

const known = new WeakMap<Parts, Map<Section, readonly number[]>>();

/** Offsets in a section that code, data or a compared table refers to, ascending. */
function boundaries(parts: Parts, section: Section): readonly number[] {
  let ofObject = known.get(parts);
  if (!ofObject) {
    ofObject = collectBoundaries(parts);
    known.set(parts, ofObject);
  }
  return ofObject.get(section) ?? [];
}

/** Sections whose references say where a piece begins; of the tables, `.altinstructions` and variables. */
const referrers: ReadonlySet<SectionRole> = new Set([
  'code',
  'data',
  'init',
  'replacement',
  'table',
]);

function collectBoundaries(parts: Parts): Map<Section, readonly number[]> {
  const sets = new Map<Section, Set<number>>();
  const isPieced = (section: Section) => {
    const role = parts.roles[section.index];
    return (role === 'data' || role === 'replacement') && parts.inSection(section).length === 0;
  };
  forEachReference(parts, referrers, isPieced, ({ section: from, target }) => {
    // Unwinding entries, return sites and the like lie inside of pieces; variables in tables
    // (descriptors of dynamic debug) do not.
    const isTable = parts.roles[from.index] === 'table' && parts.inSection(from).length === 0;
    if (target.kind !== 'section' || (isTable && !isAlternatives(from))) return;
    const set = sets.get(target.section);
    if (set) set.add(target.offset);
    else sets.set(target.section, new Set([target.offset]));
  });
  return new Map([...sets].map(([section, set]) => [section, [...set].sort((a, b) => a - b)]));
}

function isAlternatives(section: Section): boolean {
  return section.name === '.altinstructions';
}
