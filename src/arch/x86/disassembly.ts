// Machine code as text, in the way of the GNU assembler.

import type { InstructionText } from '../machine.js';
import { DECODED_AT, type Decoder, loadDecoder } from './decoder.js';

/** Decodes a function, instruction by instruction; what is no instruction reads "(bad)". */
export function textOf(bytes: Uint8Array): InstructionText[] {
  const iced = loadDecoder();
  const decoder = new iced.Decoder(64, bytes, iced.DecoderOptions.None);
  decoder.ip = BigInt(DECODED_AT);
  const instruction = new iced.Instruction();
  const formatter = newFormatter(iced);
  const lines: InstructionText[] = [];
  try {
    while (decoder.canDecode) {
      const start = decoder.position;
      decoder.decodeOut(instruction);
      const isNear = instruction.op0Kind === iced.OpKind.NearBranch64;
      lines.push({
        start,
        end: decoder.position,
        text: formatter.format(instruction),
        target: isNear ? targetOf(instruction.nearBranchTarget) : undefined,
      });
    }
  } finally {
    instruction.free();
    formatter.free();
    decoder.free();
  }
  return lines;
}

function targetOf(address: bigint) {
  return { offset: Number(BigInt.asIntN(64, address)) - DECODED_AT, number: numberText(address) };
}

/** A number as the text has it. */
export function numberText(value: bigint): string {
  return `0x${value.toString(16)}`;
}

function newFormatter({ Formatter, FormatterSyntax }: Decoder) {
  const formatter = new Formatter(FormatterSyntax.Gas);
  formatter.ripRelativeAddresses = true;
  formatter.branchLeadingZeros = false;
  formatter.uppercaseHex = false;
  return formatter;
}
