// What a patch does to the types of an object: which of their values, where they are in memory
// while the patch is applied, would be taken for something else.

import type { BtfType, Enum, Struct } from '../btf/types.js';
import { compareEnums, type EnumeratorValues, movedEnumerators, type ValueUses } from './enums.js';
import type { Successor } from './in-its-place.js';
import { isMadeAlike, Regrouped } from './regrouped.js';
import { Sameness } from './same.js';
import { type Field, type NamedType, TypeView } from './type-view.js';

/** What is to be said of one type or variable. */
export interface TypeChange {
  /** "struct foo", "foo_t", "the enum with X", "the variable x" */
  readonly name: string;
  /** Of structs and enums, before and after; undefined for variables. */
  readonly pre: NamedType['type'] | undefined;
  readonly post: NamedType['type'] | undefined;
  /** Why what exists does not fit the new code, a sentence each; empty if it fits. */
  readonly reasons: readonly string[];
  /** What else is worth saying. */
  readonly notes: readonly string[];
}

/** Types of an object, and how they changed. */
export interface TypeChanges {
  readonly pre: TypeView;
  readonly post: TypeView;
  readonly changes: readonly TypeChange[];
}

/**
 * The types and variables that are in both objects and differ.
 * @param before types of the object without the patch, as from readBtf()
 * @param uses what the source does with enumerators that seem only to count
 * @param successor what comes in the place of a type that is gone, by the source
 */
export function compareTypes(
  before: readonly BtfType[],
  after: readonly BtfType[],
  uses: ValueUses = () => undefined,
  successor: Successor = () => undefined,
): TypeChanges {
  const [pre, post] = [new TypeView(before), new TypeView(after)];
  const [old, now] = [pre.named(), post.named()];
  const renamed = findRenamed(pre, post, old, now, successor);
  const same = new Sameness(pre, post, renamed);
  const changes: TypeChange[] = [];
  const values = post.enumeratorValues();
  for (const [name, ones] of old) {
    const others = now.get(name) ?? now.get(renamed.get(name) ?? otherKind(name)) ?? [];
    for (const [a, b] of inPairs(ones, others, (x, y) => isEqual(compareOne(x, y)))) {
      changes.push(compareOne(a, b));
    }
    if (others.length === 0)
      changes.push(...ones.flatMap((one) => goneEnum(name, one.type, values)));
  }
  changes.push(...compareLoose(pre, post, uses, values), ...compareVariables(pre, post, same));
  return { pre, post, changes: changes.filter((one) => !isEqual(one)) };

  function compareOne(a: NamedType, b: NamedType): TypeChange {
    const head = { name: a.name, pre: a.type, post: b.type };
    if (a.type.kind !== b.type.kind) {
      return { ...head, reasons: [`it becomes a ${b.type.kind}`], notes: [] };
    }
    if (a.type.kind === 'enum')
      return { ...head, ...compareEnums(a.type, b.type as Enum, uses, values) };
    return { ...head, ...compareStructs(pre, post, same, a.type, b.type as Struct) };
  }
}

/** A struct becomes a union of that name, or the other way round. */
function otherKind(name: string): string {
  return name.replace(/^(struct|union) /, (word) => (word === 'struct ' ? 'union ' : 'struct '));
}

/** Enums without a name, of which the names of the values tell which is which. */
function compareLoose(
  pre: TypeView,
  post: TypeView,
  uses: ValueUses,
  values: EnumeratorValues,
): TypeChange[] {
  const now = post.looseEnums();
  return pre.looseEnums().flatMap((one): TypeChange[] => {
    const names = new Set(one.enumerators.map(({ name }) => name));
    const other = now.find(({ enumerators }) => enumerators.some(({ name }) => names.has(name)));
    const name = `the enum with ${one.enumerators[0]?.name}`;
    if (!other) return goneEnum(name, one, values);
    return [{ name, pre: one, post: other, ...compareEnums(one, other, uses, values) }];
  });
}

function goneEnum(name: string, type: NamedType['type'], values: EnumeratorValues): TypeChange[] {
  if (type.kind !== 'enum') return [];
  return [{ name, pre: type, post: undefined, ...movedEnumerators(type, values) }];
}

function isEqual({ reasons, notes }: TypeChange): boolean {
  return reasons.length === 0 && notes.length === 0;
}

/** Of types of one name those that have no equal on the other side, in their order. */
function inPairs<T>(ones: readonly T[], others: readonly T[], equal: (a: T, b: T) => boolean) {
  const left = [...others];
  const unequal = ones.filter((one) => {
    const index = left.findIndex((other) => equal(one, other));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
  return unequal.slice(0, left.length).map((one, index) => [one, left[index]!] as const);
}

/** If more members move than this, the first of them says it all. */
const MOVES_NAMED = 2;
/** Of its members this many in a hundred must have the same names for a type to be the same under another name. */
const ALIKE = 50;

/** Types that are gone, and those that came in their place: by their members, or by who uses them. */
function findRenamed(
  pre: TypeView,
  post: TypeView,
  old: ReadonlyMap<string, readonly NamedType[]>,
  now: ReadonlyMap<string, readonly NamedType[]>,
  successor: Successor,
): Map<string, string> {
  const came = [...now].filter(([name]) => !old.has(name));
  const renamed = new Map<string, string>();
  for (const [name, [gone]] of old) {
    if (now.has(name) || !gone) continue;
    const alike = came.filter(([, [one]]) => one?.type.kind === gone.type.kind);
    const best = alike
      .map(([other, [one]]) => [other, likeness(pre, post, gone.type, one!.type)] as const)
      .sort(([, a], [, b]) => b - a)[0];
    const isAlike = best !== undefined && best[1] >= ALIKE;
    const next = isAlike
      ? best[0]
      : successor(
          name,
          alike.map(([other]) => other),
        );
    if (next !== undefined) renamed.set(name, next);
  }
  return renamed;
}

/** How many of a hundred names are in both. */
function likeness(pre: TypeView, post: TypeView, a: Struct | Enum, b: Struct | Enum): number {
  const before = memberNames(pre, a);
  const after = new Set(memberNames(post, b));
  if (before.length === 0) return 0;
  return (100 * before.filter((name) => after.has(name)).length) / before.length;
}

function memberNames(view: TypeView, type: Struct | Enum): string[] {
  return (type.kind === 'enum' ? type.enumerators : view.fields(type)).map(({ name }) => name);
}

function compareStructs(pre: TypeView, post: TypeView, same: Sameness, a: Struct, b: Struct) {
  const reasons: string[] = [];
  const notes: string[] = [];
  const [before, after] = [pre.fields(a), post.fields(b)];
  const old = new Map(before.map((field) => [field.name, field]));
  const now = new Map(after.map((field) => [field.name, field]));
  if (b.size > a.size) {
    reasons.push(
      `its size grows from ${a.size} to ${b.size} bytes: existing objects are too short`,
    );
  } else if (b.size < a.size) {
    reasons.push(
      `its size shrinks from ${a.size} to ${b.size} bytes: new objects are too short for the old code`,
    );
  }
  const gone = before.filter(({ name }) => !now.has(name));
  const both = before.flatMap((field) => {
    const other = now.get(field.name);
    return other ? [[field, other] as const] : [];
  });
  reasons.push(...moves(both));
  const groups = new Regrouped(pre, post, same, before, after);
  const endless = pre.endless(a) ?? Number.POSITIVE_INFINITY;
  for (const [field, other] of both) {
    if (field.offset === other.offset) {
      const { why, note } = retyped(pre, post, same, field, other);
      if (why !== undefined) reasons.push(why);
      if (note !== undefined) notes.push(note);
    }
  }
  for (const field of after) {
    if (old.has(field.name)) continue;
    const twin = gone.findIndex(
      (one) => isSamePlace(one, field) && same.same(one.type, field.type),
    );
    if (twin >= 0) {
      notes.push(`${gone[twin]!.name} is called ${field.name} now`);
      gone.splice(twin, 1);
    } else if (groups.wasThere(field)) {
      // Another name for what is there.
    } else if (field.offset + field.width > endless) {
      reasons.push(`${field.name} is new, ${placeOf(field)}, where elements of an array may be`);
    } else if (
      field.width > 0 &&
      isHole(field, before) &&
      field.offset + field.width <= a.size * 8
    ) {
      notes.push(
        `${field.name} is new, where there was a hole: in existing objects it is zero, or has any value`,
      );
    } else if (field.offset + field.width <= a.size * 8) {
      reasons.push(`${field.name} is new, ${placeOf(field)}, where there is something else now`);
    } else {
      reasons.push(`${field.name} is new, ${placeOf(field)}: existing objects do not have it`);
    }
  }
  for (const field of gone) {
    if (groups.isThere(field)) continue;
    reasons.push(
      `${field.name} is gone: after undo, old code would miss it in objects that new code made`,
    );
  }
  return { reasons, notes };
}

/** Of members that are in both. */
function moves(both: readonly (readonly [before: Field, after: Field])[]): string[] {
  const moved = both.filter(([before, after]) => before.offset !== after.offset);
  const texts = moved.map(
    ([before, after]) => `${before.name} moves from ${placeOf(before)} to ${placeOf(after)}`,
  );
  if (texts.length <= MOVES_NAMED) return texts;
  return [`${texts.length} members move: ${texts[0]}, and so on`];
}

function retyped(
  pre: TypeView,
  post: TypeView,
  same: Sameness,
  before: Field,
  after: Field,
): { readonly why?: string; readonly note?: string } {
  const { name } = before;
  if (same.same(before.type, after.type) && before.width === after.width) return {};
  const [was, is] = [pre.describe(before.type), post.describe(after.type)];
  if (before.width !== after.width && was === is) {
    return { why: `${name} has ${after.width} bits in place of ${before.width}` };
  }
  if (isMadeAlike(pre, post, same, before, after)) {
    return { note: `${name} was ${was}, and is ${is} now, which has the same members` };
  }
  return { why: `${name} was ${was}, and would be ${is}` };
}

function isSamePlace(one: Field, other: Field): boolean {
  return one.offset === other.offset && one.width === other.width;
}

function isHole(field: Field, others: readonly Field[]): boolean {
  const end = field.offset + field.width;
  return others.every(({ offset, width }) => offset >= end || offset + width <= field.offset);
}

function placeOf({ offset, isBitField }: Field): string {
  const bytes = Math.floor(offset / 8);
  return isBitField ? `bit ${offset % 8} of byte ${bytes}` : `byte ${bytes}`;
}

/** Variables outside of functions, where the compiler describes them. */
function compareVariables(pre: TypeView, post: TypeView, same: Sameness): TypeChange[] {
  const now = new Map(
    post.types.flatMap((type) => (type.kind === 'variable' ? [[type.name, type.type]] : [])),
  );
  return pre.types.flatMap((type): TypeChange[] => {
    const other = type.kind === 'variable' ? now.get(type.name) : undefined;
    if (type.kind !== 'variable' || other === undefined || same.same(type.type, other)) return [];
    const [was, is] = [pre.describe(type.type), post.describe(other)];
    // That an array is longer is the differ's to say.
    const [a, b] = [pre.plain(type.type), post.plain(other)];
    if (a.kind === 'array' && b.kind === 'array' && same.same(a.type, b.type)) return [];
    return [
      {
        name: `the variable ${type.name}`,
        pre: undefined,
        post: undefined,
        reasons: [`it was ${was}, and would be ${is}`],
        notes: [],
      },
    ];
  });
}
