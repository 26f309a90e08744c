// Machine code as text. Numbers that the linker fills in have no value in a
// file: each is marked with a number of its own before the code is decoded, so
// that the formatter's text shows where a symbol belongs.

import { machine } from '../arch/index.js';
import type { InstructionText } from '../arch/machine.js';
import { JUMP_LABEL } from '../arch/site.js';
import {
  type Code,
  type CodeReference,
  type Line,
  type Note,
  referentKey,
  showReferent,
} from './code.js';

/** Nothing that code has as a number of its own. */
const MARK = 0x5a000000;

/** Decodes a function, instruction by instruction; what is no instruction reads "(bad)". */
export function decodeLines(code: Code): Line[] {
  let next = 0;
  return machine.code.textOf(marked(code)).map((instruction) => {
    const first = next;
    while (next < code.references.length && code.references[next]!.offset < instruction.end) next++;
    return line(code, instruction, namesIn(instruction, code, first, next));
  });
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
  { target, end }: InstructionText,
  code: Code,
  first: number,
  next: number,
): Name[] {
  const names: Name[] = [];
  for (let index = first; index < next; index++) {
    const reference = code.references[index]!;
    const number = target && reference.pcrel ? target.number : markOf(reference, index);
    names.push(nameOf(code, reference, number, end));
  }
  if (target !== undefined && names.length === 0) names.push(localTarget(code, target));
  return names;
}

function nameOf(
  code: Code,
  reference: CodeReference,
  number: string | undefined,
  end: number,
): Name {
  const referent = reference.referent(reference.pcrel ? end - reference.offset : 0);
  if (referent.name === code.name && referent.isCode) return inside(code, referent.offset, number);
  const shown = { number, shown: showReferent(referent), key: referentKey(referent) };
  return referent.isCode ? { ...shown, leadsTo: referent } : shown;
}

/** A branch whose distance the assembler knew: in the function, or to another of its section. */
function localTarget(code: Code, target: { offset: number; number: string }): Name {
  const { offset, number } = target;
  if (offset >= 0 && offset < code.bytes.length) return inside(code, offset, number);
  const referent = code.outside(offset) ?? { name: code.name, offset, isCode: true };
  return {
    number,
    shown: showReferent(referent),
    key: referentKey(referent),
    leadsTo: referent,
  };
}

function inside(code: Code, offset: number, number: string | undefined): Name {
  const leadsTo = { name: code.name, offset, isCode: true };
  return { number, shown: `+0x${offset.toString(16)}`, key: '+', leadsTo };
}

function line(code: Code, instruction: InstructionText, names: Name[]): Line {
  const { start, end } = instruction;
  let { text } = instruction;
  let key = text;
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

function markOf({ width }: CodeReference, index: number): string | undefined {
  return width >= 4 ? machine.code.numberText(BigInt(MARK + index)) : undefined;
}
