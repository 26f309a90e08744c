// What only the instructions can tell: how many bytes of an instruction follow a
// relocated field, where branches without relocations lead, and whether a field is
// read as an address or is what is handed on. All that is needed now and then only.

import type { Section } from '../../elf/object.js';
import type { Branch } from '../machine.js';
import { DECODED_AT, loadDecoder } from './decoder.js';

/** What was decoded of a stretch of code. */
interface Decoded {
  /** Offsets of the ends of the instructions, ascending. */
  readonly ends: number[];
  readonly branches: Branch[];
  /** Offsets of fields that are a value and not the place of an operand: of `lea`, and immediates. */
  readonly values: Set<number>;
}

/** By section, then by start and end. */
const known = new WeakMap<Section, Map<string, Decoded>>();

/**
 * Bytes between the end of the 4-byte field at `offset` and the end of its
 * instruction; 0 if no instruction there could be decoded.
 * @param start, end the function, in bytes from the section's start
 */
export function bytesAfterField(code: Section, start: number, end: number, offset: number): number {
  const { ends } = decode(code, start, end);
  const next = ends.find((candidate) => candidate >= offset + 4);
  // No operand is followed by more than an immediate of four bytes.
  return next === undefined || next - (offset + 4) > 4 ? 0 : next - (offset + 4);
}

/** Calls and jumps of the function between `start` and `end`, relocated ones included. */
export function nearBranches(code: Section, start: number, end: number): readonly Branch[] {
  return decode(code, start, end).branches;
}

/** Whether the field at `offset` makes an address a value, which code can keep or hand on. */
export function isAddressValue(code: Section, start: number, end: number, offset: number): boolean {
  return decode(code, start, end).values.has(offset);
}

function decode(code: Section, start: number, end: number): Decoded {
  let stretches = known.get(code);
  if (!stretches) {
    stretches = new Map();
    known.set(code, stretches);
  }
  const key = `${start} ${end}`;
  let decoded = stretches.get(key);
  if (!decoded) {
    decoded = decodeStretch(code.data.subarray(start, end), start);
    stretches.set(key, decoded);
  }
  return decoded;
}

function decodeStretch(bytes: Buffer, start: number): Decoded {
  const { Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind } = loadDecoder();
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  decoder.ip = BigInt(DECODED_AT);
  const instruction = new Instruction();
  const ends: number[] = [];
  const branches: Branch[] = [];
  const values = new Set<number>();
  try {
    while (decoder.canDecode) {
      decoder.decodeOut(instruction);
      const end = start + decoder.position;
      ends.push(end);
      const fields = decoder.getConstantOffsets(instruction);
      const begin = end - instruction.length;
      if (fields.hasImmediate) values.add(begin + fields.immediateOffset);
      if (fields.hasDisplacement && instruction.mnemonic === Mnemonic.Lea) {
        values.add(begin + fields.displacementOffset);
      }
      fields.free();
      const flow = instruction.flowControl;
      const leadsAway =
        flow === FlowControl.Call ||
        flow === FlowControl.UnconditionalBranch ||
        flow === FlowControl.ConditionalBranch;
      if (!leadsAway || instruction.op0Kind !== OpKind.NearBranch64) continue;
      // A short jump has two bytes (or a prefix more), those with four bytes of distance at least five.
      const width = instruction.length >= 5 ? 4 : 1;
      const target = Number(instruction.nearBranchTarget - BigInt(DECODED_AT)) + start;
      branches.push({ field: end - width, width, target });
    }
  } finally {
    instruction.free();
    decoder.free();
  }
  return { ends, branches, values };
}
