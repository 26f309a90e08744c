// Static variables inside of functions, which the compiler leaves out of BTF: those of the running
// kernel that new code goes on using, and that have another type in it. By debugging information.

import { staticLocalBase } from '../diff/names.js';
import { AT, TAG } from '../dwarf/constants.js';
import { type Entries, type Entry, readDwarf } from '../dwarf/read.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { functionOf, original, typeOf } from './holders.js';
import { describe } from './prototypes.js';

/** A variable and what it was and would be, as C writes it. */
export interface StaticChange {
  /** "kept in take": it can be given to --allow-layout, and be kept in the update. */
  readonly name: string;
  readonly was: string;
  readonly is: string;
}

/** @param twins variables of the running kernel that new code uses, by what they are in the new object */
export function changedStatics(
  pre: ElfObject,
  post: ElfObject,
  twins: ReadonlyMap<ElfSymbol, ElfSymbol>,
): StaticChange[] {
  const pairs = [...twins].filter(([one]) => staticLocalBase(one.name) !== undefined);
  if (pairs.length === 0) return [];
  const [before, after] = [new Statics(readDwarf(pre)), new Statics(readDwarf(post))];
  return pairs.flatMap(([symbol, twin]) => {
    const [old, now] = [before.at(twin), after.at(symbol)];
    if (!old || !now) return [];
    const [was, is] = [before.typeOf(old), after.typeOf(now)];
    if (was.shape === is.shape) return [];
    const owner = functionOf(old);
    const name = original(before.entries, old).name;
    // clang leaves out the name of a function that is only there inlined.
    const inside = (owner && original(before.entries, owner).name) || prefixOf(twin.name);
    const where = owner ? ` in ${inside}` : '';
    const differs = was.text === is.text ? `${is.text} with other members` : is.text;
    return [{ name: `${name}${where}`, was: was.text, is: differs }];
  });
}

/** "take.kept": the function is in clang's name of the variable. */
function prefixOf(name: string): string {
  return /^(\w+)\.[A-Za-z_]/.exec(name)?.[1] ?? 'an inlined function';
}

class Statics {
  private readonly byPlace = new Map<string, Entry>();

  constructor(readonly entries: Entries) {
    for (const entry of entries.values()) {
      if (entry.tag !== TAG.variable || !entry.address || !functionOf(entry)) continue;
      this.byPlace.set(`${entry.address.section.index}+${entry.address.offset}`, entry);
    }
  }

  at({ section, value }: ElfSymbol): Entry | undefined {
    return section && this.byPlace.get(`${section.index}+${value}`);
  }

  /** The text is for people, and the shape for comparing. */
  typeOf(entry: Entry): { readonly text: string; readonly shape: string } {
    const type = typeOf(this.entries, entry);
    const text = describe(this.entries, type, 0);
    return {
      text: text.replace(/\b(struct|union|enum) (?!\w)/g, '$1 { ... }'),
      shape: shapeOf(this.entries, type),
    };
  }
}

/** Types of one shape hold the same in the same bytes. A named type is compared elsewhere. */
export function shapeOf(entries: Entries, place: number | undefined, depth = 0): string {
  const entry = place === undefined ? undefined : entries.get(place);
  if (!entry) return 'void';
  if (depth > 16) return '...';
  const inner = (of: number | undefined) => shapeOf(entries, of, depth + 1);
  const all = (children: readonly Entry[]) =>
    children.map((child) => `${child.name} ${numbersOf(child)} ${inner(child.type)}`).join(';');
  switch (entry.tag) {
    case TAG.const:
    case TAG.volatile:
    case TAG.restrict:
    case TAG.typedef:
      return inner(entry.type);
    case TAG.pointer:
      return `*${inner(entry.type)}`;
    // Of how many there are is the differ's to say, as for all variables.
    case TAG.array:
      return `[${entry.children.slice(1).map(numbersOf)}]${inner(entry.type)}`;
    case TAG.prototype:
      return `(${all(entry.children)})${inner(entry.type)}`;
    case TAG.structure:
    case TAG.union:
    case TAG.enumeration: {
      const head = `${entry.tag} ${entry.name}`;
      return entry.name === '' ? `${head} ${numbersOf(entry)} {${all(entry.children)}}` : head;
    }
    // Its name is not what it holds: long and long long are one.
    default:
      return `${numbersOf(entry)}`;
  }
}

function numbersOf({ numbers = {} }: Entry): string {
  return Object.entries(numbers)
    .filter(([attribute]) => Number(attribute) !== AT.alignment)
    .map(([attribute, value]) => `${attribute}=${value}`)
    .join();
}
