// Exported functions whose prototypes change: other modules, of which nobody here knows, go on
// calling them as they were compiled to. So does code of the kernel that is not compiled anew.

import { TAG } from '../dwarf/constants.js';
import { type Entries, type Entry, readDwarf } from '../dwarf/read.js';
import type { ElfObject } from '../elf/object.js';

/**
 * A function and what it was and would be, as C writes it; without the names of parameters, unless
 * it is they that change places.
 */
export interface PrototypeChange {
  readonly name: string;
  readonly was: string;
  readonly is: string;
}

/**
 * Of exported functions, and of those that others call.
 * @param replaced functions whose code changes
 * @param called names of functions that others are known to call
 */
export function changedPrototypes(
  pre: ElfObject,
  post: ElfObject,
  replaced: ReadonlySet<string>,
  called: Iterable<string> = [],
): PrototypeChange[] {
  const wanted = new Set([...exportedNames(pre), ...called]);
  const names = [...wanted].filter((name) => replaced.has(name));
  if (names.length === 0) return [];
  const [before, after] = [readDwarf(pre), readDwarf(post)];
  return names.flatMap((name) => {
    const [a, b] = [definitionOf(before, name), definitionOf(after, name)];
    if (!a || !b) return [];
    const [was, is] = [describeCall(before, a, name, 0), describeCall(after, b, name, 0)];
    if (was !== is) return [{ name, was, is }];
    return changePlaces(namesOf(a), namesOf(b))
      ? [
          {
            name,
            was: describeCall(before, a, name, 0, true),
            is: describeCall(after, b, name, 0, true),
          },
        ]
      : [];
  });
}

/** Parameters of one type: a caller would give each what is meant for another. */
function changePlaces(before: readonly string[], after: readonly string[]): boolean {
  return before.join() !== after.join() && [...before].sort().join() === [...after].sort().join();
}

function namesOf(call: Entry): string[] {
  return call.children.filter(({ tag }) => tag === TAG.parameter).map(({ name }) => name);
}

/** EXPORT_SYMBOL() makes an entry of a table; since 6.5 a mark for modpost, which makes the entry. */
function exportedNames(object: ElfObject): Set<string> {
  const entries = object.sections.map(({ name }) => /^___ksymtab(?:_gpl)?\+(.+)$/.exec(name)?.[1]);
  const marks = object.symbols.map(({ name }) => /^__export_symbol_(.+)$/.exec(name)?.[1]);
  return new Set([...entries, ...marks].filter((name) => name !== undefined));
}

function definitionOf(entries: Entries, name: string): Entry | undefined {
  for (const entry of entries.values()) {
    if (entry.tag !== TAG.function || entry.name !== name || entry.origin !== undefined) continue;
    if (entry.parent?.tag === TAG.unit) return entry;
  }
  return undefined;
}

function describeCall(
  entries: Entries,
  call: Entry,
  name: string,
  depth: number,
  withNames = false,
): string {
  const parameters = call.children
    .filter(({ tag }) => tag === TAG.parameter || tag === TAG.ellipsis)
    .map((one) => {
      if (one.tag === TAG.ellipsis) return '...';
      const type = describe(entries, one.type, depth + 1);
      return withNames ? joined(type, one.name) : type;
    });
  const returned = describe(entries, call.type, depth + 1);
  return `${joined(returned, name)}(${parameters.join(', ') || 'void'})`;
}

function joined(type: string, name: string): string {
  return `${type}${type.endsWith('*') ? '' : ' '}${name}`;
}

const WORDS = new Map<number, string>([
  [TAG.structure, 'struct'],
  [TAG.union, 'union'],
  [TAG.enumeration, 'enum'],
]);

/** Another name for a type is no other type, and what may not be written is passed as what may. */
export function describe(entries: Entries, place: number | undefined, depth: number): string {
  const entry = place === undefined ? undefined : entries.get(place);
  if (!entry) return 'void';
  if (depth > 16) return '...';
  const inner = () => describe(entries, entry.type, depth + 1);
  switch (entry.tag) {
    case TAG.const:
    case TAG.volatile:
    case TAG.restrict:
      return inner();
    case TAG.typedef: {
      const text = inner();
      return text.endsWith(' ') ? `${text}${entry.name}` : text;
    }
    case TAG.pointer: {
      const to = entry.type === undefined ? undefined : entries.get(entry.type);
      if (to?.tag === TAG.prototype) return describeCall(entries, to, '(*)', depth + 1);
      const text = inner();
      return text.endsWith('*') ? `${text}*` : `${text} *`;
    }
    case TAG.array:
      return `${inner()}[]`;
    case TAG.prototype:
      return describeCall(entries, entry, '', depth + 1);
    default: {
      const word = WORDS.get(entry.tag);
      return word === undefined ? entry.name : `${word} ${entry.name}`;
    }
  }
}
