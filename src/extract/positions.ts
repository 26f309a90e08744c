// Which of several symbols of one name is ours.
//
// A symbol of an object lies in an input section that the linker moved as a
// whole. So the place of one symbol of the section fixes those of all others,
// and only a base at which every named symbol of the section has an entry in
// the linked file's symbol table can be right.

import { STB_WEAK, STT_FILE, STT_SECTION } from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';

/**
 * The bases at which a section can be, by the evidence of its symbols' names.
 * @param placesOf where symbols of that name are in the linked file; none if
 *   the file's symbol table leaves such symbols out
 */
export function possibleBases(
  object: ElfObject,
  section: Section,
  placesOf: (symbol: ElfSymbol) => readonly bigint[],
): bigint[] {
  const evidence = object.symbols
    .filter((symbol) => symbol.section === section && isEvidence(symbol))
    .map((symbol) => ({ symbol, places: placesOf(symbol) }))
    .filter(({ places }) => places.length > 0)
    .sort((a, b) => a.places.length - b.places.length);
  const [rarest, ...others] = evidence;
  if (!rarest) return [];
  const bases = new Set(rarest.places.map((place) => place - BigInt(rarest.symbol.value)));
  for (const { symbol, places } of others) {
    const known = new Set(places);
    for (const base of bases) {
      if (!known.has(base + BigInt(symbol.value))) bases.delete(base);
    }
  }
  return [...bases];
}

/** A weak definition may have been overridden by another object's. */
function isEvidence(symbol: ElfSymbol): boolean {
  if (symbol.name === '' || symbol.binding === STB_WEAK) return false;
  return symbol.type !== STT_SECTION && symbol.type !== STT_FILE;
}
