// The match program knows writable data only as places in an object's section.
// The new code has names for those that it uses: struct ksplice_ref says which
// place of the program each symbol is.

import { relocationShape } from '../arch/relocations.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Referent } from './code.js';
import { livepatchName, type NewModule } from './new-module.js';
import type { PlaceNames } from './old-code.js';

/** Names for the places that both old and new code refer to. */
export function placeNames(module: NewModule): PlaceNames {
  const names = new Map<string, Referent>();
  for (const { key, addend, relocation } of module.refs) {
    const { symbol } = relocation;
    const name = livepatchName(symbol)[1];
    const start = addend - relocation.addend;
    for (const offset of [0, ...usedOffsets(module, symbol)]) {
      const place = `${key}+${start + offset}`;
      if (!names.has(place)) names.set(place, { name, offset, isCode: false });
    }
  }
  return (key, offset) => names.get(`${key}+${offset}`);
}

/** In front of the end of an instruction: the number itself, and an immediate of no, one, two or four bytes. */
const RESTS = [4, 5, 6, 8];

/** Which members of a symbol the new code refers to, by their distance from its start. */
function usedOffsets(module: NewModule, wanted: ElfSymbol): number[] {
  const sections = new Set(module.kept.map(({ section }) => section!));
  return [...sections].flatMap((section) =>
    module
      .relocations(section)
      .filter(({ symbol }) => symbol === wanted)
      .flatMap(({ type, addend }) =>
        relocationShape(type)?.pcrel ? RESTS.map((rest) => addend + rest) : [addend],
      ),
  );
}
