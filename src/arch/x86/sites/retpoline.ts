// Indirect calls and jumps (patch_retpoline() in arch/x86/kernel/alternative.c):
// the branch to a thunk for a register stays, or becomes an indirect branch,
// perhaps with a fence before it, or goes to a thunk that was made at boot.

import type { Relocation, Section } from '../../../elf/object.js';
import type { Variant } from '../../../program/program.js';
import type { Site, SiteCode } from '../../site.js';
import { mergeNops, patchRules } from '../nops.js';
import { CALL, INT3, JMP32, jcc32, NOP } from '../opcodes.js';
import { INDIRECT_THUNK } from '../thunks.js';
import { branch, plain } from './forms.js';
import { listedPlaces } from './places.js';

const CS = 0x2e;
const LFENCE = [0x0f, 0xae, 0xe8];

/** Numbers of the registers as instructions encode them. */
const REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'];

export function* retpolineSites(code: SiteCode): Generator<Site> {
  for (const { section, offset } of listedPlaces(code, '.retpoline_sites', branchBefore)) {
    const opcode = opcodeBytes(section, offset);
    if (!opcode) {
      const at = `${section.name}+0x${offset.toString(16)}`;
      throw code.unsupported(`the retpoline at ${at} is no call or jump`);
    }
    const length = opcode.length + 4;
    const forms = () => rewritten(code, section, offset, opcode);
    yield { mechanism: 'retpoline', section, offset, length, forms };
  }
}

/** The bytes before the displacement, prefixes included. */
function opcodeBytes(section: Section, offset: number): number[] | undefined {
  let at = offset;
  while (section.data[at] === CS) at++;
  const rest = section.data.subarray(at, at + 2);
  if (rest[0] === CALL || rest[0] === JMP32) at += 1;
  else if (jcc32(rest) !== undefined) at += 2;
  else return undefined;
  return [...section.data.subarray(offset, at)];
}

function rewritten(
  code: SiteCode,
  section: Section,
  offset: number,
  opcode: readonly number[],
): Variant[] {
  const length = opcode.length + 4;
  const register = registerOf(code, section, offset + opcode.length);
  const last = opcode.at(-1)!;
  const call = last === CALL;
  const indirect = [...(register >= 8 ? [0x41] : []), 0xff, (call ? 0xd0 : 0xe0) + (register & 7)];
  // A conditional jump is turned around and jumps over the indirect one.
  const conditional = opcode[0] === 0x0f;
  const skip = conditional ? [0x70 + ((last & 0xf) ^ 1), length - 2] : [];
  const forms = [branch(opcode, 'free')];
  for (const fence of [[], LFENCE]) {
    const bytes = [...skip, ...fence, ...indirect];
    if (bytes.length > length) continue;
    if (!call && bytes.length < length) bytes.push(INT3);
    while (bytes.length < length) bytes.push(NOP);
    forms.push(mergeNops(patchRules(code.tables), plain(bytes), 0, length));
  }
  return forms;
}

function registerOf(code: SiteCode, section: Section, offset: number): number {
  const name = code.relocations(section, offset, offset + 1)[0]?.symbol.name ?? '';
  const register = name.slice(INDIRECT_THUNK.length);
  const number = REGISTERS.includes(register)
    ? REGISTERS.indexOf(register)
    : Number(/^r(8|9|1[0-5])$/.exec(register)?.[1] ?? Number.NaN);
  if (!name.startsWith(INDIRECT_THUNK) || Number.isNaN(number)) {
    throw code.unsupported(`a retpoline leads to ${name || 'no symbol'}`);
  }
  return number;
}

/** Where the branch to a thunk begins that a relocation is in. */
function branchBefore({ data }: Section, { offset, symbol }: Relocation): number | undefined {
  if (!symbol.name.startsWith(INDIRECT_THUNK)) return undefined;
  if (offset > 1 && jcc32(data.subarray(offset - 2, offset)) !== undefined) return offset - 2;
  const before = data[offset - 1];
  if (before !== CALL && before !== JMP32) return undefined;
  // The prefix pads branches to the long registers' thunks to the length of the indirect form.
  const prefixed = offset > 1 && data[offset - 2] === CS && isLong(symbol.name);
  return offset - (prefixed ? 2 : 1);
}

function isLong(thunk: string): boolean {
  return /_r(8|9|1[0-5])$/.test(thunk);
}
