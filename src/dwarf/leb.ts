// Numbers of variable length, as debugging information has them.

import type { Bytes } from '../elf/bytes.js';

/** An unsigned LEB128 number, and where it ends. Of those too large for a number the value is not used. */
export function readUleb(bytes: Bytes, start: number): readonly [value: number, next: number] {
  let value = 0;
  let factor = 1;
  let at = start;
  for (;;) {
    const byte = bytes.u8(at++);
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 128) return [value, at];
  }
}

/** A signed LEB128 number, such as the value of an enumerator. */
export function readSleb(bytes: Bytes, start: number): number {
  const [value, next] = readUleb(bytes, start);
  const isNegative = (bytes.u8(next - 1) & 0x40) !== 0;
  return isNegative ? value - 2 ** (7 * (next - start)) : value;
}
