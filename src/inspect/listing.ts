// The listing of parts: their lines, old and new, side by side.

import { align, type Row } from './align.js';
import { type ChangedPart, isCodePart } from './changed-parts.js';
import { type Code, dataLines, type Line } from './code.js';
import { decodeLines } from './decoder.js';
import type { TargetInspection } from './inspection.js';

export interface Listing {
  readonly part: ChangedPart;
  readonly rows: readonly Row[];
}

/** Lists some parts of a target; branches from one of them to another are followed. */
export function listParts(target: TargetInspection, parts: readonly ChangedPart[]): Listing[] {
  const { oldCode, newModule, notes } = target;
  const pairs = parts.map((part) => {
    const { old, new: now } = part;
    const lines = (code: Code): Line[] => (isCodePart(part) ? decodeLines(code) : dataLines(code));
    return {
      name: part.name,
      old: old ? lines(oldCode.code(old)) : [],
      new: now?.section ? lines(newModule.code(now, notes(now.section))) : [],
    };
  });
  const rows = align(pairs);
  return parts.map((part, index) => ({ part, rows: rows[index]! }));
}
