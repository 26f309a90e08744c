// Who has values of a type, by an object's debugging information: the variables and parameters
// of its functions, by their names in the source.

import { TAG } from '../dwarf/constants.js';
import { baseType, type Entries, type Entry } from '../dwarf/read.js';

const WORDS = new Map<string, number>([
  ['struct', TAG.structure],
  ['union', TAG.union],
  ['enum', TAG.enumeration],
]);

/**
 * The entries of a type.
 * @param type "struct foo"; or the name of the typedef, if it has no other: "foo_t"
 */
export function entriesOf(entries: Entries, type: string): Set<Entry> {
  const [word = '', name] = type.split(' ');
  const found = new Set<Entry>();
  for (const entry of entries.values()) {
    if (name !== undefined) {
      if (entry.tag === WORDS.get(word) && entry.name === name) found.add(entry);
    } else if (entry.tag === TAG.typedef && entry.name === word) {
      const { base } = baseType(entries, entry.type);
      if (base && base.name === '') found.add(base);
    }
  }
  return found;
}

/** All names that stand for a type: its own, and those of typedefs of it. */
export function namesOf(entries: Entries, type: string, types: ReadonlySet<Entry>): string[] {
  const found = [type];
  for (const entry of entries.values()) {
    if (entry.tag !== TAG.typedef || entry.name === type) continue;
    const { base } = baseType(entries, entry.type);
    if (base && types.has(base)) found.push(entry.name);
  }
  return [...new Set(found)];
}

/** What a name stands for in a function: one of the type, a pointer to one, or something else. */
export type Holder = 'one' | 'pointer' | 'other';

export class Holders {
  private readonly byFunction = new Map<string, Map<string, Holder>>();
  private readonly everywhere = new Map<string, Holder>();
  /** Functions that get pointers to the type: by which of their parameters. */
  readonly takers = new Map<string, Set<number>>();

  constructor(entries: Entries, types: ReadonlySet<Entry>) {
    for (const entry of entries.values()) {
      if (entry.tag !== TAG.variable && entry.tag !== TAG.parameter) continue;
      const owner = functionOf(entry);
      if (!owner) continue;
      const { name } = original(entries, entry);
      const { base, isPointer } = baseType(entries, typeOf(entries, entry));
      const isOne = base !== undefined && types.has(base);
      const holder = !isOne ? 'other' : isPointer ? 'pointer' : 'one';
      this.add(original(entries, owner).name, name, holder);
      if (entry.tag === TAG.parameter && holder === 'pointer') this.take(entries, owner, entry);
    }
  }

  /** @param where the function; undefined if it is not known: then all have to agree */
  of(where: string | undefined, name: string): Holder | undefined {
    const known = where === undefined ? undefined : this.byFunction.get(where);
    return (known ?? this.everywhere).get(name);
  }

  private add(owner: string, name: string, holder: Holder): void {
    const own = this.byFunction.get(owner) ?? new Map<string, Holder>();
    this.byFunction.set(owner, own);
    for (const names of [own, this.everywhere]) {
      names.set(name, (names.get(name) ?? holder) === holder ? holder : 'other');
    }
  }

  private take(entries: Entries, owner: Entry, entry: Entry): void {
    const function_ = original(entries, owner);
    // Those that were optimised away are in the function itself, not in its instances.
    const parameters = function_.children.filter(({ tag }) => tag === TAG.parameter);
    const index = parameters.indexOf(original(entries, entry));
    if (index < 0) return;
    const known = this.takers.get(function_.name) ?? new Set<number>();
    this.takers.set(function_.name, known.add(index));
  }
}

/** The type of an entry, or of what it is an instance of. */
export function typeOf(entries: Entries, entry: Entry): number | undefined {
  if (entry.type !== undefined || entry.origin === undefined) return entry.type;
  return entries.get(entry.origin)?.type;
}

/** What an instance of a function, or of its variable, was declared as. */
export function original(entries: Entries, entry: Entry): Entry {
  let found = entry;
  for (let steps = 0; found.origin !== undefined && steps < 8; steps++) {
    const next = entries.get(found.origin);
    if (!next) break;
    found = next;
  }
  return found;
}

/** The function that an entry is declared in, or that it was inlined from. */
export function functionOf(entry: Entry): Entry | undefined {
  let owner = entry.parent;
  while (owner && owner.tag !== TAG.function && owner.tag !== TAG.inlined) {
    if (owner.tag === TAG.prototype || owner.tag === TAG.structure) return undefined;
    owner = owner.parent;
  }
  return owner;
}
