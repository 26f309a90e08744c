// The forms that the kernel's mechanisms write: a branch, a return, plain bytes.

import type { Field, Variant } from '../../../program/program.js';
import { INT3, RET } from '../opcodes.js';

/** A form without fields. */
export function plain(bytes: Uint8Array | readonly number[]): Variant {
  return { bytes: Uint8Array.from(bytes), fields: [] };
}

/** A 32-bit displacement at the end of an instruction that starts the item. */
export function displacement(offset: number, key: number | 'free', addend: number): Field {
  return {
    offset,
    width: 4,
    pcrel: true,
    signed: true,
    free: key === 'free',
    key: key === 'free' ? 0 : key,
    addend: addend - 4,
  };
}

/**
 * A call or jump with a 32-bit displacement, then `rest`.
 *
 * @param opcode all bytes before the displacement
 * @param key what it leads to, or 'free' if that may be anything
 * @param offset from the key's value
 */
export function branch(
  opcode: readonly number[],
  key: number | 'free',
  offset = 0,
  rest: Uint8Array | readonly number[] = [],
): Variant {
  return {
    bytes: Uint8Array.from([...opcode, 0, 0, 0, 0, ...rest]),
    fields: [displacement(opcode.length, key, offset)],
  };
}

/** `ret`, filled up to the length of a jump, as the kernel writes it for a return thunk. */
export const RET5: readonly number[] = [RET, INT3, INT3, INT3, INT3];

/** The group that all jumps to the return thunk in use belong to. */
export const RETURNS = 'return thunk';
