// Where a variable is that is there for ever: at an address, or in pieces at several ones.

import type { Bytes } from '../elf/bytes.js';
import type { Section } from '../elf/object.js';
import { OP_ADDRESS, OP_PIECE } from './constants.js';
import { readUleb } from './leb.js';

export interface Address {
  readonly section: Section;
  readonly offset: number;
}

/** A part of a struct that is a variable of its own. */
export interface Piece extends Address {
  /** In bytes from the struct's start. */
  readonly at: number;
}

interface Location {
  /** It has an address, whatever that is. */
  readonly isStatic: boolean;
  /** The first one, if it is in a section of this object. */
  readonly address?: Address;
  readonly pieces?: readonly Piece[];
}

/** @param addressAt the address that is written at a place, if its section is known */
export function readLocation(
  bytes: Bytes,
  start: number,
  addressAt: (place: number) => Address | undefined,
): Location {
  let [length, at] = readUleb(bytes, start);
  const pieces: Piece[] = [];
  let [offset, isStatic] = [0, false];
  let first: Address | undefined;
  let last: Address | undefined;
  for (const end = at + length; at < end; ) {
    const operation = bytes.u8(at++);
    if (operation === OP_ADDRESS) {
      isStatic = true;
      last = addressAt(at);
      first ??= last;
      at += 8;
    } else if (operation === OP_PIECE) {
      if (last) pieces.push({ ...last, at: offset });
      last = undefined;
      [length, at] = readUleb(bytes, at);
      offset += length;
    } else break;
  }
  return { isStatic, ...(first && { address: first }), ...(pieces.length > 0 && { pieces }) };
}
