// Whether all objects of a type are on the stacks of functions that are replaced. Nobody is in
// one of these when the switch is made, so that none is alive then.

import { TAG } from '../dwarf/constants.js';
import { baseType, type Entries, type Entry } from '../dwarf/read.js';
import { whoMakesOne } from './casts.js';
import type { SourceText } from './code-text.js';
import { entriesOf, functionOf, Holders, namesOf, original, typeOf } from './holders.js';

/** What has to be known of the functions of an object, by their names in the source. */
export interface Functions {
  /** All code of it is replaced, or never runs again. */
  readonly isReplaced: (name: string) => boolean;
  /** Others may call it, with objects of their own. */
  readonly isHandedOut: (name: string) => boolean;
}

/**
 * Why that cannot be said of a type: "f is not replaced, and has one on its stack". undefined if it can.
 * @param entries of the object as it was compiled without the patch
 * @param type its name: "struct foo", or "foo_t" if that of its typedef is its only one
 */
export function whyNotOnStacks(
  entries: Entries,
  type: string,
  functions: Functions,
): string | undefined {
  const types = entriesOf(entries, type);
  // What has the value of an enumerator need not have its type.
  if ([...types].some(({ tag }) => tag === TAG.enumeration)) return 'any number may be one';
  const users = new Set<Entry>();
  for (const entry of entries.values()) {
    if (!USES.has(entry.tag)) continue;
    const { base, isPointer } = baseType(entries, typeOf(entries, entry));
    if (!base || !types.has(base)) continue;
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

/**
 * Who makes one of what is something else, by the source of an object: "fs/foo.c:12 casts to it".
 * @param sources all that the compiler read; undefined if that is not known
 */
export function whyMadeElsewhere(
  entries: Entries,
  type: string,
  sources: readonly SourceText[] | undefined,
): string | undefined {
  if (!sources) return 'its source is not known';
  const types = entriesOf(entries, type);
  return whoMakesOne(sources, namesOf(entries, type, types), new Holders(entries, types));
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

function nameOf(entries: Entries, entry: Entry): string {
  return original(entries, entry).name;
}

/** Whether one of these functions, or what was inlined, is part of a function's code. */
function contains(entries: Entries, entry: Entry, users: ReadonlySet<Entry>): boolean {
  if (users.has(original(entries, entry))) return true;
  return entry.children.some(
    (child) =>
      (child.tag === TAG.inlined || child.tag === TAG.block) && contains(entries, child, users),
  );
}
