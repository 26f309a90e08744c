// How many bytes of an instruction follow a relocated field. A decoder is only
// needed for references into shared sections, so it is loaded on first use:
// most pairs of objects never need it.

import { createRequire } from 'node:module';
import type { Section } from '../elf/object.js';

type Iced = typeof import('iced-x86');

let iced: Iced | undefined;

/** End offsets of the instructions of a stretch of code, by the section that holds it and its start. */
const decoded = new WeakMap<Section, Map<number, Uint32Array>>();

/**
 * Bytes between the end of the 4-byte field at `offset` and the end of its
 * instruction; 0 if no instruction there could be decoded.
 * @param start where decoding begins: the start of the function
 */
export function bytesAfterField(code: Section, start: number, offset: number): number {
  let byStart = decoded.get(code);
  if (!byStart) {
    byStart = new Map();
    decoded.set(code, byStart);
  }
  let ends = byStart.get(start);
  if (!ends) {
    ends = instructionEnds(code.data, start);
    byStart.set(start, ends);
  }
  const end = ends.find((candidate) => candidate >= offset + 4);
  return end === undefined || end - (offset + 4) > 8 ? 0 : end - (offset + 4);
}

function instructionEnds(code: Buffer, start: number): Uint32Array {
  iced ??= createRequire(import.meta.url)('iced-x86') as Iced;
  const decoder = new iced.Decoder(64, code.subarray(start), iced.DecoderOptions.None);
  const instruction = new iced.Instruction();
  const ends: number[] = [];
  try {
    while (decoder.canDecode) {
      decoder.decodeOut(instruction);
      ends.push(start + decoder.position);
    }
  } finally {
    instruction.free();
    decoder.free();
  }
  return Uint32Array.from(ends);
}
