// Alignment that a patch gives to a type, where its size and its members stay as they are: BTF
// does not tell. Objects that exist may lie anywhere.

import { AT, TAG } from '../dwarf/constants.js';
import { type Entries, readDwarf } from '../dwarf/read.js';
import type { ElfObject } from '../elf/object.js';

/** A type or member with another alignment than before, in bytes; 1 if nothing is said of it. */
export interface AlignmentChange {
  /** "struct foo" */
  readonly type: string;
  readonly reason: string;
}

/** Lines that may give something an alignment. */
const ALIGNS = /^.*(?:align|packed).*$/gim;

/** Whether these texts may differ in that. */
export function mayAlign(before: string | undefined, after: string | undefined): boolean {
  const lines = (text = '') => (text.match(ALIGNS) ?? []).map((line) => line.trim()).sort();
  return lines(before).join('\n') !== lines(after).join('\n');
}

/** Types of both objects for which more alignment is asked than before. */
export function changedAlignments(pre: ElfObject, post: ElfObject): AlignmentChange[] {
  const [before, after] = [alignments(readDwarf(pre)), alignments(readDwarf(post))];
  return [...after].flatMap(([type, now]) => {
    const old = before.get(type);
    if (old === undefined || old >= now) return [];
    const reason = `it is aligned to ${now} bytes: existing ones may lie anywhere`;
    return [{ type, reason }];
  });
}

/** The most that is asked for a type, itself or one of its members. */
function alignments(entries: Entries): Map<string, number> {
  const found = new Map<string, number>();
  for (const { tag, name, numbers, children } of entries.values()) {
    const word = tag === TAG.structure ? 'struct' : tag === TAG.union ? 'union' : undefined;
    if (!word || name === '' || numbers?.[AT.byteSize] === undefined) continue;
    const asked = [{ numbers }, ...children].map((one) => one.numbers?.[AT.alignment] ?? 1);
    const key = `${word} ${name}`;
    found.set(key, Math.max(found.get(key) ?? 1, ...asked));
  }
  return found;
}
