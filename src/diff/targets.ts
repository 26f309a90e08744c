// Where a relocation leads: to a part and an offset in it, into an anonymous
// section, or out of the object. The one difficulty is `section+addend` in a
// section with several parts: for a PC-relative operand the addend also counts
// the instruction bytes that follow the field (`cmpb $0, x(%rip)` has one), and
// only the instruction tells how many.

import { machine } from '../arch/index.js';
import type { Relocation, Section } from '../elf/object.js';
import { coldParent } from './names.js';
import type { Part, Parts } from './parts.js';

/** The place that a relocation refers to. */
export type Target =
  | { readonly kind: 'external'; readonly name: string; readonly addend: number }
  /** `offset` is what the field holds relative to the part's start, without correction for the place. */
  | { readonly kind: 'part'; readonly part: Part; readonly offset: number }
  /** Anonymous; `offset` is the true offset in the section. */
  | { readonly kind: 'section'; readonly section: Section; readonly offset: number };

const { bytesAfterField, isBranch, isOperand, longestTail, operandAddend } = machine.code;

/** Resolves one relocation of `section`. */
export function findTarget(parts: Parts, section: Section, relocation: Relocation): Target {
  const anchor = parts.anchor(relocation.symbol);
  const { addend } = relocation;
  switch (anchor.kind) {
    case 'external':
      return { kind: 'external', name: anchor.name, addend };
    case 'part':
      return { kind: 'part', part: anchor.part, offset: anchor.delta + addend };
    case 'section': {
      const offset = trueOffset(parts, section, relocation, anchor.section, anchor.value);
      const part = parts.at(anchor.section, offset);
      if (!part) return { kind: 'section', section: anchor.section, offset };
      return { kind: 'part', part, offset: anchor.value + addend - part.start };
    }
  }
}

/** The offset in `target` that the code means, without what PC-relative addressing adds. */
function trueOffset(
  parts: Parts,
  section: Section,
  relocation: Relocation,
  target: Section,
  value: number,
): number {
  const plain = value + relocation.addend;
  if (!isOperand(section, relocation)) return plain;
  const low = plain - operandAddend;
  if (isBranch(section, relocation)) return low;
  const high = low + longestTail;
  if (parts.inSection(target).length > 0 && parts.at(target, low) === parts.at(target, high)) {
    return low;
  }
  const owner = parts.at(section, relocation.offset);
  return (
    low + bytesAfterField(section, owner?.start ?? 0, owner?.end ?? section.size, relocation.offset)
  );
}

/**
 * Whether a reference to a replaced function means its address as a value, and
 * not a call, a jump or a place inside it.
 */
export function takesAddress(
  section: Section,
  relocation: Relocation,
  target: Target & { kind: 'part' },
): boolean {
  if (!target.part.isFunction || coldParent(target.part.symbol.name) !== undefined) return false;
  if (!isOperand(section, relocation)) return target.offset === 0;
  return target.offset === operandAddend && !isBranch(section, relocation);
}

/** Whether a jump leads into the middle of a function. */
export function leadsInside(
  section: Section,
  relocation: Relocation,
  target: Target & { kind: 'part' },
): boolean {
  return target.offset !== operandAddend && isBranch(section, relocation);
}
