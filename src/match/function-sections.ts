// Whether an object, or a module linked of objects, has a section for each of its functions, as
// -ffunction-sections makes them. Branches between functions are longer then, so code that was
// built in one way may not match code that was built in the other.

import { STT_FUNC } from '../elf/constants.js';
import type { ElfObject } from '../elf/object.js';

/** Whether a function has a section of its own name. */
export function hasFunctionSections(object: ElfObject): boolean {
  return object.symbols.some(
    ({ type, name, section }) => type === STT_FUNC && section?.name === `.text.${name}`,
  );
}

/**
 * How an object that does not match may have been compiled differently from the running
 * code.
 * @param objects compiled as the running code was, as far as is known; `label` is their name
 * @param module the file of the loaded module, if it is at hand
 * @returns a sentence; undefined if nothing tells
 */
export function sectionsDiffer(
  objects: readonly { readonly label: string; readonly plain: ElfObject }[],
  module: ElfObject | undefined,
): string | undefined {
  const apart = objects.filter(({ plain }) => hasFunctionSections(plain));
  if (apart.length > 0 && !(module && hasFunctionSections(module))) {
    const labels = apart.map(({ label }) => label).join(', ');
    const what = module ? 'the loaded module was not' : 'the running code may not have been';
    return `${labels}: compiled with -ffunction-sections, and ${what}. It comes from KCFLAGS in the flags of the configuration, or from the Makefile (ccflags-y, CFLAGS_NAME.o).`;
  }
  if (apart.length === 0 && module && hasFunctionSections(module)) {
    return 'The loaded module was compiled with -ffunction-sections, and here it is not: put KCFLAGS=-ffunction-sections into the flags of the configuration, and the other words that make was given.';
  }
  return undefined;
}
