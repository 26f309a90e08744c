// Where code goes on though no instruction says so: tables of the kernel have it.

import type { Place } from '../arch/site.js';
import { SHF_EXECINSTR } from '../elf/constants.js';
import type { ElfObject, Relocation, Section } from '../elf/object.js';

/** What is asked of the new code: see things.ts, which is built on this. */
interface Code {
  readonly object: ElfObject;
  relocation(section: Section, offset: number): Relocation | undefined;
  destination(
    relocation: Relocation,
    end: number,
  ):
    | {
        readonly thing: { readonly section: Section; readonly start: number };
        readonly offset: number;
      }
    | { readonly outside: string }
    | undefined;
}

/** By section and offset of an instruction. */
export type Ways = ReadonlyMap<Section, ReadonlyMap<number, readonly Place[]>>;

/**
 * Tables whose entries begin with an instruction's place and where it may go on, four bytes each, and
 * the sizes of the entries (struct jump_entry, struct exception_table_entry of x86).
 */
const PAIRS = [
  ['__jump_table', 16],
  ['__ex_table', 12],
] as const;

/** The instruction of a warning, ud2. */
const UD2 = 2;
/** struct bug_entry: `flags` is behind the places, and behind the line where there is a file. */
const BUGFLAG_WARNING = 1;

/** All hidden ways of new code. */
export function readWays(things: Code): Ways {
  const ways = new Map<Section, Map<number, Place[]>>();
  const add = (from: Place, to: Place) => {
    const list = ways.get(from.section) ?? new Map<number, Place[]>();
    ways.set(from.section, list);
    list.set(from.offset, [...(list.get(from.offset) ?? []), to]);
  };
  for (const [name, size] of PAIRS) {
    for (const table of things.object.sectionsNamed(name)) {
      for (let start = 0; start + size <= table.size; start += size) {
        const from = placeOf(things, things.relocation(table, start));
        const to = placeOf(things, things.relocation(table, start + 4));
        if (from && to) add(from, to);
      }
    }
  }
  // Where code warns by a call, that has its own way on.
  for (const at of warnings(things).filter(isUd2)) add(at, { ...at, offset: at.offset + UD2 });
  return ways;
}

function isUd2({ section, offset }: Place): boolean {
  return section.data[offset] === 0x0f && section.data[offset + 1] === 0x0b;
}

/** Where WARN() stops: the kernel has the code go on behind it. */
function warnings(things: Code): Place[] {
  return things.object.sectionsNamed('__bug_table').flatMap((table) => {
    const fields = [...things.object.relocations(table)].sort((a, b) => a.offset - b.offset);
    const isFirst = (field: Relocation) =>
      ((field.symbol.section?.flags ?? 0) & SHF_EXECINSTR) !== 0;
    return fields.flatMap((field, index) => {
      const at = isFirst(field) && placeOf(things, field);
      if (!at) return [];
      const next = fields.findIndex((other, after) => after > index && isFirst(other));
      const count = (next < 0 ? fields.length : next) - index;
      const flags = field.offset + (count > 1 ? 4 * count + 2 : 4);
      if (flags + 2 > table.data.length) return [];
      return table.data.readUInt16LE(flags) & BUGFLAG_WARNING ? [at] : [];
    });
  });
}

function placeOf(things: Code, relocation: Relocation | undefined): Place | undefined {
  const there = relocation && things.destination(relocation, relocation.offset);
  if (!there || 'outside' in there) return undefined;
  const { thing, offset } = there;
  return { section: thing.section, offset: thing.start + offset };
}
