// clang makes a variable for each member of a static struct whose address nobody takes: "state.0",
// "state.1". The number counts the members that are used, so that with a patch another member may have it;
// code that goes over to another member may even stay the same. Debugging information tells which member one is.

import { readDwarf } from '../dwarf/read.js';
import { STT_OBJECT } from '../elf/constants.js';
import type { ElfObject, Section } from '../elf/object.js';
import { isOfClang } from './clang.js';

/** How far from the start of its struct a variable is, in bytes; undefined for one that is whole. */
export type MemberAt = (section: Section, offset: number) => number | undefined;

/** The members of structs in an object. Without debugging information it has none. */
export function membersOf(object: ElfObject): MemberAt {
  const mayHave = ({ name, type }: { name: string; type: number }) =>
    type === STT_OBJECT && /\.\d+$/.test(name);
  if (!isOfClang(object) || !object.symbols.some(mayHave)) return () => undefined;
  const members = new Map<string, number>();
  for (const { pieces = [] } of readDwarf(object).values()) {
    for (const { section, offset, at } of pieces) members.set(`${section.index}+${offset}`, at);
  }
  return ({ index }, offset) => members.get(`${index}+${offset}`);
}
