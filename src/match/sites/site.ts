// A place in the code that the kernel rewrites while it boots, loads a module
// or runs.

import type { Section } from '../../elf/object.js';
import type { Field, Variant } from '../../program/types.js';

/** One way in which one mechanism of the kernel may rewrite one place. */
export interface Site {
  /** The mechanism, for messages. */
  readonly mechanism: string;
  readonly section: Section;
  /** In the section. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
  /**
   * What the kernel may put there, besides leaving it as it is. Made when asked
   * for: the keys of code that is not matched stay out of the program.
   */
  forms(): readonly Variant[];
  /** Written over whatever is there; otherwise only over what was built. */
  readonly overwrites?: boolean;
  /** The kernel merges no-ops here, whether it writes or not. */
  readonly mergesNops?: boolean;
}

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

export const CALL = 0xe8;
export const JMP32 = 0xe9;
export const JMP8 = 0xeb;
export const RET = 0xc3;
export const INT3 = 0xcc;

/** `ret`, filled up to the length of a jump, as the kernel writes it for a return thunk. */
export const RET5: readonly number[] = [RET, INT3, INT3, INT3, INT3];

/** The group that all jumps to the return thunk in use belong to. */
export const RETURN_THUNK = 'return thunk';

/** Jcc with a 32-bit displacement: its second opcode byte, else undefined. */
export function jcc32(bytes: Uint8Array): number | undefined {
  return bytes[0] === 0x0f && (bytes[1]! & 0xf0) === 0x80 ? bytes[1] : undefined;
}
