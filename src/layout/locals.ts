// Types that are defined in functions, which the compiler leaves out of BTF, or not: by debugging
// information. Nearly all are for variables on the stack, and may change. Not those of static
// variables, and of pointers, which may lead to anything.

import { AT, TAG } from '../dwarf/constants.js';
import { baseType, type Entries, type Entry, readDwarf } from '../dwarf/read.js';
import type { ElfObject } from '../elf/object.js';
import { declarations } from './declarations.js';
import { functionOf, original, typeOf } from './holders.js';
import { shapeOf } from './statics.js';

/** A type of a function that changes, where values of it may be that existed before. */
export interface LocalChange {
  /** "struct foo in f", "a struct in f" */
  readonly name: string;
  readonly reason: string;
}

const WORDS = new Map<number, string>([
  [TAG.structure, 'struct'],
  [TAG.union, 'union'],
  [TAG.enumeration, 'enum'],
]);

/** Whether these texts may differ in such a type. */
export function mayNest(before: string | undefined, after: string | undefined): boolean {
  if (before === undefined || after === undefined || before === after) return false;
  const [old, now] = [declarations(before)?.local, declarations(after)?.local];
  return old === undefined || now === undefined || old !== now;
}

/** @param known types that BTF tells of: "struct foo" */
export function changedLocals(
  pre: ElfObject,
  post: ElfObject,
  known: ReadonlySet<string>,
): LocalChange[] {
  const [before, after] = [readDwarf(pre), readDwarf(post)];
  const now = localTypes(after);
  return [...localTypes(before)].flatMap(([key, { name, type, owner }]) => {
    const other = now.get(key)?.type;
    if (!other || known.has(name)) return [];
    const whole = `${name === '' ? 'a type' : name} in ${owner}`;
    if (type.tag === TAG.enumeration) return enumChange(whole, type, other);
    if (bodyOf(before, type) === bodyOf(after, other)) return [];
    const why = whereOthersMayBe(before, type) ?? whereOthersMayBe(after, other);
    return why === undefined ? [] : [{ name: whole, reason: `its members change, and ${why}` }];
  });
}

interface LocalType {
  readonly name: string;
  readonly type: Entry;
  readonly owner: string;
}

/** By function and name; those without a name in their order. */
function localTypes(entries: Entries): Map<string, LocalType> {
  const found = new Map<string, LocalType>();
  const counts = new Map<string, number>();
  for (const type of entries.values()) {
    const word = WORDS.get(type.tag);
    const owner = word === undefined ? undefined : functionOf(type);
    if (!owner || type.numbers?.[AT.byteSize] === undefined) continue;
    const at = original(entries, owner).name;
    const key = `${at}() ${word} ${type.name}`;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const name = type.name === '' ? '' : `${word} ${type.name}`;
    found.set(`${key} ${count}`, { name, type, owner: at });
  }
  return found;
}

function enumChange(name: string, before: Entry, after: Entry): LocalChange[] {
  const now = new Map(after.children.map((one) => [one.name, numberOf(one)]));
  const moved = before.children.find(
    (one) => now.has(one.name) && now.get(one.name) !== numberOf(one),
  );
  if (!moved) return [];
  const reason = `${moved.name} was ${numberOf(moved)}, and would be ${now.get(moved.name)}`;
  return [{ name, reason }];
}

function numberOf({ numbers }: Entry): number {
  return numbers?.[AT.constValue] ?? 0;
}

/** Its members as text, for comparing. */
function bodyOf(entries: Entries, type: Entry): string {
  const members = type.children.map(
    (one) => `${one.name} ${JSON.stringify(one.numbers)} ${shapeOf(entries, one.type)}`,
  );
  return `${type.tag} ${type.numbers?.[AT.byteSize]} ${members.join(';')}`;
}

/** Where one may be that is not on the stack of its function; undefined if all are there. */
function whereOthersMayBe(entries: Entries, type: Entry): string | undefined {
  let isHeld = false;
  for (const entry of entries.values()) {
    if (entry.tag !== TAG.variable && entry.tag !== TAG.member) continue;
    const { base, isPointer } = baseType(entries, typeOf(entries, entry));
    if (base !== type) continue;
    isHeld = true;
    const { name } = original(entries, entry);
    if (isPointer) return `${name} may point to any`;
    // That of one without a name is told with the variable: statics.ts.
    if (entry.isStatic && type.name !== '') return `the variable ${name} stays`;
  }
  return isHeld ? undefined : 'nothing says where they are';
}
