// Dead stretches of a kept section of code: the replacements of other functions' alternatives in
// `.altinstr_replacement`. Their relocations do not go along. A call without one seems to lead to its own
// next instruction, and objtool gives up on the whole module when it meets such a call.

import { machine } from '../arch/index.js';
import type { Extent } from '../diff/extents.js';
import { SHF_EXECINSTR } from '../elf/constants.js';
import { copySection, type ModelSection } from '../elf/model.js';
import type { Section } from '../elf/object.js';

/**
 * The copy of a kept section, in which no-ops stand for code that nobody uses.
 * @param live the stretches that the new code uses, which may overlap
 */
export function copyLive(section: Section, live: readonly Extent[]): ModelSection {
  const copy = copySection(section);
  if (!(section.flags & SHF_EXECINSTR)) return copy;
  const data = Buffer.alloc(section.data.length, machine.code.noop);
  for (const { start, end } of live) section.data.copy(data, start, start, end);
  return { ...copy, data };
}
