// First bytes of the instructions that the compiler writes for branches, and that
// the kernel writes when it rewrites its code.

export const CALL = 0xe8;
export const JMP32 = 0xe9;
export const JMP8 = 0xeb;
export const RET = 0xc3;
export const INT3 = 0xcc;
export const NOP = 0x90;

/** Jcc with a 32-bit displacement: its second opcode byte, else undefined. */
export function jcc32(bytes: Uint8Array): number | undefined {
  return bytes[0] === 0x0f && (bytes[1]! & 0xf0) === 0x80 ? bytes[1] : undefined;
}
