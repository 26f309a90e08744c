// Whether all objects of a type are on the stacks of functions that are replaced. Nobody is in
// one of these when the switch is made, so that none is alive then.

import { TAG } from '../dwarf/constants.js';
import { baseType, type Entries, type Entry } from '../dwarf/read.js';

/** What has to be known of the functions of an object, by their names in the source. */
export interface Functions {
  /** All code of it is replaced, or never runs again. */
  readonly isReplaced: (name: string) => boolean;
  /** Others may call it, with objects of their own. */
  readonly isHandedOut: (name: string) => boolean;
}

const TAGS = new Map<number, string>([
  [TAG.structure, 'struct'],
  [TAG.union, 'union'],
  [TAG.enumeration, 'enum'],
]);

/**
 * Why that cannot be said of a type: "f is not replaced, and has one on its stack". undefined if it can.
 * @param entries of the object as it was compiled without the patch
 * @param type its name: "struct foo"
 */
export function whyNotOnStacks(
  entries: Entries,
  type: string,
  functions: Functions,
): string | undefined {
  const users = new Set<Entry>();
  for (const entry of entries.values()) {
    if (!USES.has(entry.tag)) continue;
    const { base, isPointer } = baseType(entries, typeOf(entries, entry));
    if (!base || `${TAGS.get(base.tag)} ${base.name}` !== type) continue;
    const owner = functionOf(entry);
    const why = whyNot(entries, entry, owner, isPointer, functions);
    if (why !== undefined) return why;
    if (owner) users.add(original(entries, owner));
  }
  for (const entry of entries.values()) {
    if (entry.tag !== TAG.function || !entry.hasCode) continue;
    if (!contains(entries, entry, users)) continue;
    const { name } = original(entries, entry);
    if (!functions.isReplaced(name)) return `${name}() uses it, and is not replaced`;
  }
  return users.size > 0 ? undefined : 'nothing says where they are';
}

const USES = new Set<number>([
  TAG.variable,
  TAG.parameter,
  TAG.member,
  TAG.function,
  TAG.prototype,
]);

function whyNot(
  entries: Entries,
  entry: Entry,
  owner: Entry | undefined,
  isPointer: boolean,
  functions: Functions,
): string | undefined {
  const name = nameOf(entries, entry);
  switch (entry.tag) {
    case TAG.function:
      return `${name}() returns ${isPointer ? 'a pointer to one' : 'one'}`;
    case TAG.prototype:
      return 'functions that are called through pointers return it';
    case TAG.member:
      return `${entry.parent?.name || 'a struct'} has ${isPointer ? 'a pointer to one' : 'one'}: ${name}`;
    case TAG.variable:
      if (!owner) return `the variable ${name} ${isPointer ? 'points to one' : 'is one'}`;
      if (entry.isStatic) return `the variable ${name} in ${nameOf(entries, owner)}() stays`;
      // Where it came from would have to be followed.
      return isPointer ? `${name} in ${nameOf(entries, owner)}() may point to any` : undefined;
    default:
      if (!owner) return 'functions that are called through pointers get it';
      return functions.isHandedOut(nameOf(entries, owner))
        ? `${nameOf(entries, owner)}() is called through pointers, or by others`
        : undefined;
  }
}

function typeOf(entries: Entries, entry: Entry): number | undefined {
  if (entry.type !== undefined || entry.origin === undefined) return entry.type;
  return entries.get(entry.origin)?.type;
}

function nameOf(entries: Entries, entry: Entry): string {
  return original(entries, entry).name;
}

/** What an instance of a function, or of its variable, was declared as. */
function original(entries: Entries, entry: Entry): Entry {
  let found = entry;
  for (let steps = 0; found.origin !== undefined && steps < 8; steps++) {
    found = entries.get(found.origin) ?? { ...found, origin: undefined };
  }
  return found;
}

/** The function that an entry is declared in, or that it was inlined from. */
function functionOf(entry: Entry): Entry | undefined {
  let owner = entry.parent;
  while (owner && owner.tag !== TAG.function && owner.tag !== TAG.inlined) {
    if (owner.tag === TAG.prototype || owner.tag === TAG.structure) return undefined;
    owner = owner.parent;
  }
  return owner;
}

/** Whether one of these functions, or what was inlined, is part of a function's code. */
function contains(entries: Entries, entry: Entry, users: ReadonlySet<Entry>): boolean {
  if (users.has(original(entries, entry))) return true;
  return entry.children.some(
    (child) =>
      (child.tag === TAG.inlined || child.tag === TAG.block) && contains(entries, child, users),
  );
}
