// The list of functions that nobody may put a kprobe into: NOKPROBE_SYMBOL(). The kernel
// reads it at boot, or when a module is loaded.

import { STT_FUNC } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';

/** The table of their addresses. */
export const KPROBE_LIST = '_kprobe_blacklist';

/** The functions that an object lists. */
export function listedFunctions(object: ElfObject): Set<ElfSymbol> {
  const places = object
    .sectionsNamed(KPROBE_LIST)
    .flatMap((table) => object.relocations(table))
    .map(({ symbol: { section, value }, addend }) => ({ section, value: value + addend }));
  return new Set(
    object.symbols.filter(
      ({ type, section, value }) =>
        type === STT_FUNC &&
        places.some((place) => place.section === section && place.value === value),
    ),
  );
}

/** Names of the functions that are in both objects, and listed in the second only. */
export function newlyListed(pre: ElfObject, post: ElfObject): string[] {
  const listed = new Set([...listedFunctions(pre)].map(({ name }) => name));
  const old = new Set(pre.symbols.filter(({ type }) => type === STT_FUNC).map(({ name }) => name));
  const names = [...listedFunctions(post)].map(({ name }) => name);
  return names.filter((name) => old.has(name) && !listed.has(name));
}
