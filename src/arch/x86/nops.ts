// How a kernel fills the rest of a patched place with no-ops. Releases differ:
// up to 6.2 (alternatives without a flags word) no-ops are at most 8 bytes long and
// are put in a row; later ones know 11 and jump over anything longer.

import type { TableSizes } from '../../elf/tables.js';
import type { Variant } from '../../program/program.js';
import { INT3, JMP8, JMP32, NOP } from './opcodes.js';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** arch/x86/include/asm/nops.h, by length. */
const NOPS = [
  '',
  '90',
  '6690',
  '0f1f00',
  '0f1f4000',
  '0f1f440000',
  '660f1f440000',
  '0f1f8000000000',
  '0f1f840000000000',
  '660f1f840000000000',
  '66660f1f840000000000',
  '6666660f1f840000000000',
].map(hex);

/** Prefix of the two-byte no-op. */
const OPERAND_SIZE = 0x66;

/** The two- and five-byte no-ops that jump labels, ftrace and static calls use. */
export const NOP2 = NOPS[2]!;
export const NOP5 = NOPS[5]!;

/** What depends on the release. */
export interface PatchRules {
  /** Length of the longest no-op, in bytes. */
  readonly longestNop: number;
  /** More than that is jumped over. */
  readonly jumpsOverLong: boolean;
  /** A near jump that became short is followed by this. */
  readonly afterShortJump: Uint8Array;
  /** An alternative's feature word says that it is a direct call through a pointer. */
  readonly directCalls: boolean;
}

/** The rules of the kernel whose special tables have these sizes. */
export function patchRules(tables: TableSizes): PatchRules {
  const flagged = tables.altInstr >= 14;
  return {
    longestNop: flagged ? 11 : 8,
    jumpsOverLong: flagged,
    afterShortJump: flagged ? Uint8Array.of(INT3, INT3, INT3) : NOPS[3]!,
    directCalls: flagged,
  };
}

/** `length` bytes of no-ops as this kernel writes them. */
export function nops(rules: PatchRules, length: number): Uint8Array {
  const out = new Uint8Array(length);
  if (length > rules.longestNop && rules.jumpsOverLong) {
    out.fill(INT3);
    if (length < 128) out.set([JMP8, length - 2]);
    else out.set([JMP32, ...int32(length - 5)]);
    return out;
  }
  for (let at = 0; at < length; ) {
    const nop = NOPS[Math.min(length - at, rules.longestNop)]!;
    out.set(nop, at);
    at += nop.length;
  }
  return out;
}

/**
 * The form as optimize_nops() leaves it between `start` and `end`: runs of
 * one-byte no-ops have become long ones. Without decoding what is between
 * them, only a run at the start is sure to be no-ops, and one at the end; after
 * a prefix its first byte belongs to a two-byte one (66 90).
 */
export function mergeNops(rules: PatchRules, form: Variant, start: number, end: number): Variant {
  const { fields } = form;
  const bytes = form.bytes.slice();
  const inside = fields.filter((field) => field.offset < end && field.offset + field.width > start);
  const first = inside[0]?.offset ?? end;
  const last = inside.at(-1);
  const floor = last ? last.offset + last.width : start;
  let lead = start;
  while (lead < first && bytes[lead] === NOP) lead++;
  let trail = end;
  while (trail > floor && bytes[trail - 1] === NOP) trail--;
  if (trail > floor && bytes[trail - 1] === OPERAND_SIZE) trail++;
  if (lead - start > 1) bytes.set(nops(rules, lead - start), start);
  if (trail > lead && end - trail > 1) bytes.set(nops(rules, end - trail), trail);
  return { bytes, fields };
}

function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
