// The extent of something that has no symbol, from a reference to it: a string
// ends with its NUL, a mergeable constant is as long as its section's entries,
// anything else (initial images of structures, replacement code) reaches up to
// the next place that something refers to.

import type { Section } from '../elf/object.js';
import type { Extent } from './extents.js';
import type { Parts } from './parts.js';
import { findTarget } from './targets.js';

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

function collectBoundaries(parts: Parts): Map<Section, readonly number[]> {
  const sets = new Map<Section, Set<number>>();
  const { object } = parts;
  for (const from of object.sections) {
    const role = parts.roles[from.index];
    if (role !== 'code' && role !== 'data' && role !== 'replacement' && role !== 'init') {
      if (from.name !== '.altinstructions') continue;
    }
    for (const relocation of object.relocations(from)) {
      const section = relocation.symbol.section;
      if (!section || parts.inSection(section).length > 0) continue;
      const toRole = parts.roles[section.index];
      if (toRole === 'strings' || toRole === 'constants' || toRole === 'code') continue;
      const target = findTarget(parts, from, relocation);
      if (target.kind !== 'section') continue;
      const set = sets.get(section);
      if (set) set.add(target.offset);
      else sets.set(section, new Set([target.offset]));
    }
  }
  const sorted = new Map<Section, readonly number[]>();
  for (const [section, set] of sets) {
    sorted.set(
      section,
      [...set].sort((a, b) => a - b),
    );
  }
  return sorted;
}
