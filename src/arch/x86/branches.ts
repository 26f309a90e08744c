// Which relocated fields of the code are branches: told from the bytes before them, without decoding.

import { SHF_EXECINSTR } from '../../elf/constants.js';
import type { Section } from '../../elf/object.js';
import type { RelocatedField } from '../machine.js';
import { CALL, JMP32, jcc32 } from './opcodes.js';
import { relocations } from './relocations.js';

/** Whether the field is a PC-relative operand of an instruction (in tables and data it is not). */
export function isOperand(section: Section, { type }: RelocatedField): boolean {
  return relocations.isDistance(type) && (section.flags & SHF_EXECINSTR) !== 0;
}

/**
 * Whether the field is the distance of a `call`, `jmp` or `jcc`, and no address that the code
 * takes. The compiler marks most branches with PLT32, but writes PC32 for those to local
 * functions, as for `lea f(%rip)`; the byte before the field tells. A branch has its opcode
 * there: e8, e9, or 8x after 0f. All else that is relative to rip has a ModRM byte with mod 0
 * and r/m 5, which never looks like one of those.
 */
export function isBranch(section: Section, field: RelocatedField): boolean {
  if (!isOperand(section, field)) return false;
  const { data } = section;
  const last = data[field.offset - 1];
  if (last === CALL || last === JMP32) return true;
  return field.offset > 1 && jcc32(data.subarray(field.offset - 2, field.offset)) !== undefined;
}
