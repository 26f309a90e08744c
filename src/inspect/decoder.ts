// Machine code as text. Numbers that the linker fills in have no value in a
// file: each is marked with a number of its own before the code is decoded, so
// that the formatter's text shows where a symbol belongs.

import { createRequire } from 'node:module';
import {
  type Code,
  type Line,
  type Note,
  type Reference,
  referentKey,
  showReferent,
} from './code.js';

import { JUMP_LABEL } from './mechanisms.js';

type Iced = typeof import('iced-x86');
type Instruction = InstanceType<Iced['Instruction']>;

let iced: Iced | undefined;

/** Not 0: a branch backwards out of the code must not wrap around. */
const BASE = 0x10000000;
/** Nothing that code has as a number of its own. */
const MARK = 0x5a000000;

/** Decodes a function, instruction by instruction; what is no instruction reads "(bad)". */
export function decodeLines(code: Code): Line[] {
  // WebAssembly, which takes longer to load than all else: only who looks at code waits for it.
  iced ??= createRequire(import.meta.url)('iced-x86') as Iced;
  const { Decoder, DecoderOptions, Instruction } = iced;
  const decoder = new Decoder(64, marked(code), DecoderOptions.None);
  decoder.ip = BigInt(BASE);
  const instruction = new Instruction();
  const formatter = newFormatter(iced);
  const lines: Line[] = [];
  let next = 0;
  try {
    while (decoder.canDecode) {
      const start = decoder.position;
      decoder.decodeOut(instruction);
      const end = decoder.position;
      const first = next;
      while (next < code.references.length && code.references[next]!.offset < end) next++;
      const names = namesIn(instruction, code, first, next, end);
      lines.push(line(code, start, end, formatter.format(instruction), names));
    }
  } finally {
    instruction.free();
    formatter.free();
    decoder.free();
  }
  return lines;
}

function newFormatter({ Formatter, FormatterSyntax }: Iced): InstanceType<Iced['Formatter']> {
  const formatter = new Formatter(FormatterSyntax.Gas);
  formatter.ripRelativeAddresses = true;
  formatter.branchLeadingZeros = false;
  formatter.uppercaseHex = false;
  return formatter;
}

/** The code with a mark in place of each number that is filled in. */
function marked({ bytes, references }: Code): Uint8Array {
  const copy = Buffer.from(bytes);
  references.forEach(({ offset, width }, index) => {
    if (width === 4) copy.writeUInt32LE(MARK + index, offset);
    else if (width === 8) copy.writeBigUInt64LE(BigInt(MARK + index), offset);
  });
  return copy;
}

/** A number in an instruction's text, and what to write instead. */
interface Name {
  /** As the formatter writes it; undefined if it is too short to be told from others. */
  readonly number: string | undefined;
  readonly shown: string;
  readonly key: string;
  readonly leadsTo?: Line['leadsTo'];
}

function namesIn(
  instruction: Instruction,
  code: Code,
  first: number,
  next: number,
  end: number,
): Name[] {
  const { OpKind } = iced!;
  const target =
    instruction.op0Kind === OpKind.NearBranch64 ? instruction.nearBranchTarget : undefined;
  const names: Name[] = [];
  for (let index = first; index < next; index++) {
    const reference = code.references[index]!;
    const isTarget = target !== undefined && reference.pcrel;
    const number = isTarget ? hex(target) : markOf(reference, index);
    names.push(nameOf(code, reference, number, end));
  }
  if (target !== undefined && names.length === 0) names.push(localTarget(code, target));
  return names;
}

function nameOf(code: Code, reference: Reference, number: string | undefined, end: number): Name {
  const referent = reference.referent(reference.pcrel ? end - reference.offset : 0);
  if (referent.name === code.name && referent.isCode) return inside(code, referent.offset, number);
  const shown = { number, shown: showReferent(referent), key: referentKey(referent) };
  return referent.isCode ? { ...shown, leadsTo: referent } : shown;
}

/** A branch whose distance the assembler knew: in the function, or to another of its section. */
function localTarget(code: Code, target: bigint): Name {
  const offset = Number(BigInt.asIntN(64, target)) - BASE;
  if (offset >= 0 && offset < code.bytes.length) return inside(code, offset, hex(target));
  const referent = code.outside(offset) ?? { name: code.name, offset, isCode: true };
  return {
    number: hex(target),
    shown: showReferent(referent),
    key: referentKey(referent),
    leadsTo: referent,
  };
}

function inside(code: Code, offset: number, number: string | undefined): Name {
  const leadsTo = { name: code.name, offset, isCode: true };
  return { number, shown: `+0x${offset.toString(16)}`, key: '+', leadsTo };
}

function line(code: Code, start: number, end: number, formatted: string, names: Name[]): Line {
  let text = formatted;
  let key = formatted;
  for (const { number, shown, key: short } of names) {
    // A function: "$&" in a symbol's name has no meaning.
    const written = number !== undefined && text.includes(number);
    text = written ? text.replace(number, () => shown) : `${text} # ${shown}`;
    key = written ? key.replace(number, () => short) : `${key} # ${short}`;
  }
  const note = code.notes.get(start);
  // Built as a jump or as a no-op, before or after objtool: what counts is where it leads.
  if (note?.leadsTo)
    key = note.leadsTo.isCode ? JUMP_LABEL : `${JUMP_LABEL} ${showReferent(note.leadsTo)}`;
  const leadsTo = names.find((name) => name.leadsTo)?.leadsTo ?? note?.leadsTo;
  return {
    offset: start,
    bytes: code.bytes.subarray(start, end),
    text,
    key,
    ...(leadsTo ? { leadsTo } : {}),
    ...(note ? { note: noteText(note, code) } : {}),
  };
}

function noteText({ text, leadsTo }: Note, code: Code): string {
  if (!leadsTo) return text;
  const isInside = leadsTo.isCode && leadsTo.name === code.name;
  return `${text}, to ${isInside ? `+0x${leadsTo.offset.toString(16)}` : showReferent(leadsTo)}`;
}

function markOf({ width }: Reference, index: number): string | undefined {
  return width >= 4 ? hex(BigInt(MARK + index)) : undefined;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
