// Enumerators that need more than 32 bits (`1ULL << 40`). gcc 12 and 13 write only the lower half of them
// into BTF, so that all of these are 0 there. The debugging information has the whole values.

import { AT, TAG } from '../dwarf/constants.js';
import { type Entries, readDwarf } from '../dwarf/read.js';
import type { ElfObject } from '../elf/object.js';
import { functionOf } from './holders.js';

/** An enumerator whose value changes in a way that BTF does not show. */
export interface WideChange {
  /** "enum foo", "the enum with A" */
  readonly type: string;
  readonly reason: string;
}

/** Lines that may give an enumerator its value: of an enum, of a macro that it is made of. No declaration or statement. */
const VALUES = /^.*\benum\b.*$|^\s*#\s*define\b.*$|^[^;\n]*$/gm;

/** Whether these texts may differ in the value of an enumerator. */
export function mayEnumerate(before = '', after = ''): boolean {
  const lines = (text: string) => (text.match(VALUES) ?? []).map((line) => line.trim()).join('\n');
  return before !== after && lines(before) !== lines(after);
}

/** Those of types outside of functions. */
export function changedWideEnumerators(pre: ElfObject, post: ElfObject): WideChange[] {
  const [before, after] = [wideOnes(readDwarf(pre)), wideOnes(readDwarf(post))];
  return [...before].flatMap(([name, { type, value }]) => {
    const now = after.get(name)?.value;
    // Of others BTF tells.
    if (now === undefined || now === value || !(isWide(now) || isWide(value))) return [];
    return [{ type, reason: `${name} was ${value}, and would be ${now}` }];
  });
}

function isWide(value: bigint): boolean {
  return value !== BigInt.asUintN(32, value);
}

/** Enumerators of long enums, by their names. */
function wideOnes(entries: Entries) {
  const found = new Map<string, { readonly type: string; readonly value: bigint }>();
  for (const entry of entries.values()) {
    const { tag, name, numbers, children } = entry;
    if (tag !== TAG.enumeration || numbers?.[AT.byteSize] !== 8 || functionOf(entry)) continue;
    const type = name === '' ? `the enum with ${children[0]?.name}` : `enum ${name}`;
    for (const one of children) {
      found.set(one.name, { type, value: BigInt(one.numbers?.[AT.constValue] ?? 0) });
    }
  }
  return found;
}
