// Whether a relocation is the target of a call or jump, or an address that
// the code takes.

import { R_X86_64_PC32, R_X86_64_PLT32, SHF_EXECINSTR } from '../elf/constants.js';
import type { Section } from '../elf/object.js';

/**
 * True if the relocated field is the operand of `call`, `jmp` or `jcc`.
 *
 * The compiler marks most branches with PLT32, but writes PC32 for those to
 * local functions, as it does for `lea f(%rip)`. The byte before the field
 * tells: a branch has its opcode there (e8, e9, or 0f 8x); all that is
 * relative to rip and no branch has a ModRM byte there, with mod 0 and rm 5,
 * which is never one of those.
 */
export function isBranch(section: Section, offset: number, type: number): boolean {
  if (!(section.flags & SHF_EXECINSTR)) return false;
  if (type !== R_X86_64_PC32 && type !== R_X86_64_PLT32) return false;
  const last = section.data[offset - 1];
  if (last === 0xe8 || last === 0xe9) return true;
  return last !== undefined && (last & 0xf0) === 0x80 && section.data[offset - 2] === 0x0f;
}
