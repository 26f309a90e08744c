// Where objtool found branches to the compiler's thunks.

import * as C from '../../../elf/constants.js';
import type { Relocation, Section } from '../../../elf/object.js';
import type { Place, SiteCode } from '../../site.js';

/** Bytes of an entry of such a list. */
const ENTRY = 4;

/**
 * The places of a list; without it, those of the code itself.
 * @param list name of the section
 * @param placeOf where the instruction begins that a relocation is in; undefined if it is none of these
 */
export function* listedPlaces(
  code: SiteCode,
  list: string,
  placeOf: (section: Section, relocation: Relocation) => number | undefined,
): Generator<Place> {
  if (code.object.section(list)) {
    for (const entry of code.entries(list, ENTRY)) yield entry.code;
    return;
  }
  // objtool has not seen the object (it may run at link time only).
  for (const section of code.object.sections) {
    if (!(section.flags & C.SHF_EXECINSTR)) continue;
    for (const relocation of code.object.relocations(section)) {
      const offset = placeOf(section, relocation);
      if (offset !== undefined) yield { section, offset };
    }
  }
}
