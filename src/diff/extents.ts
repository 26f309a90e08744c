// Stretches of sections: their relocations and the comparison of their bytes.

import { relocationShape } from '../arch/relocations.js';
import { firstNotBefore } from '../base/sorted.js';
import { SHT_NOBITS } from '../elf/constants.js';
import type { ElfObject, Relocation, Section } from '../elf/object.js';

/** A stretch of a section; `end` is exclusive. */
export interface Extent {
  readonly section: Section;
  readonly start: number;
  readonly end: number;
}

/** A whole section. */
export function wholeSection(section: Section): Extent {
  return { section, start: 0, end: section.size };
}

/** The relocations in a stretch, ascending. */
export function relocationsIn(object: ElfObject, extent: Extent): readonly Relocation[] {
  const all = object.relocations(extent.section);
  if (extent.start === 0 && extent.end >= extent.section.size) return all;
  const firstAt = (place: number) => firstNotBefore(all, ({ offset }) => offset < place);
  return all.slice(firstAt(extent.start), firstAt(extent.end));
}

/** Bytes that are not compared; the offset is in the first section. */
export interface Hole {
  readonly offset: number;
  readonly length: number;
}

/** The fields that relocations fill in. */
export function relocationHoles(relocations: readonly Relocation[]): Hole[] {
  return relocations.map(({ offset, type }) => ({
    offset,
    length: relocationShape(type)?.width ?? 0,
  }));
}

/**
 * Compares the bytes of two stretches of equal length.
 * @param holes called only if they are not simply equal, as they are in most
 *   objects: gas leaves zeros where a relocation will write
 * @returns the offset of the first difference from the start, -1 if there is none
 */
export function firstDifference(a: Extent, b: Extent, holes: () => readonly Hole[]): number {
  const left = contents(a);
  const right = contents(b);
  if (left.equals(right)) return -1;
  const sorted = [...holes()].sort((one, two) => one.offset - two.offset);
  let at = 0;
  for (const hole of [...sorted, { offset: a.end, length: 0 }]) {
    const end = Math.min(hole.offset - a.start, left.length);
    for (; at < end; at++) if (left[at] !== right[at]) return at;
    at = Math.max(at, hole.offset - a.start + hole.length);
  }
  return -1;
}

/** The bytes of a stretch; zeros in .bss, nothing outside of the section. */
export function contents({ section, start, end }: Extent): Buffer {
  if (section.type === SHT_NOBITS)
    return Buffer.alloc(Math.min(Math.max(end - start, 0), mostZeros));
  return section.data.subarray(Math.max(start, 0), Math.max(end, 0));
}

/** More zeros than this are never compared with anything but other zeros. */
const mostZeros = 1 << 24;
