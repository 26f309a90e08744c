// What nobody may put a kprobe into. The module loader reads a module's own list
// (_kprobe_blacklist) and closes two of its sections (.kprobes.text, .noinstr.text). The kernel
// proper closes more of itself: see populate_kprobe_blacklist() and within_kprobe_blacklist() in
// kernel/kprobes.c, and arch_populate_kprobe_blacklist(). That new code is closed as the old code
// is, entries of its own have to see to.

import { listedFunctions } from '../diff/kprobe-list.js';
import * as C from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';

/** Sections that are closed in the kernel proper, from some version on or ever, but not in a module. */
const closedInKernel = /^\.(entry|cpuidle)\.text$/;
/** Sections that are closed in both. */
const closedInModules = /^\.(kprobes|noinstr)\.text$/;

/**
 * The symbols of an object's code that need entries besides those that its own table has:
 *
 * - all in sections that the loader does not close. The kernel takes an entry to be as long as
 *   the symbol at its address, so labels inside of functions count as well.
 * - `f.cold`, `f.isra.0` and the like of a closed function `f`: there the kernel goes by the name.
 */
export function closedToKprobes(object: ElfObject): ElfSymbol[] {
  const listed = listedFunctions(object);
  const closed = object.symbols.filter(
    ({ section }) =>
      section && (closedInKernel.test(section.name) || closedInModules.test(section.name)),
  );
  const names = new Set([...listed, ...closed].map(({ name }) => name));
  return object.symbols.filter((symbol) => {
    const { name, type, section } = symbol;
    if (!section || !(section.flags & C.SHF_EXECINSTR) || listed.has(symbol)) return false;
    if (closedInKernel.test(section.name)) return type !== C.STT_SECTION;
    const dot = name.indexOf('.');
    return type === C.STT_FUNC && dot > 0 && names.has(name.slice(0, dot));
  });
}
