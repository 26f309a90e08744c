// What a patch does to the values of an enum.

import type { Enum, Enumerator } from '../btf/types.js';

/**
 * Where an enumerator is used as a value, and not only as the number of the others, in words;
 * undefined if it is not.
 */
export type ValueUses = (name: string, others: ReadonlySet<string>) => string | undefined;

/** Values of all enums of an object, by their names. */
export type EnumeratorValues = ReadonlyMap<string, bigint>;

/** An enum that is gone: its enumerators may be another's now. */
export function movedEnumerators(a: Enum, everywhere: EnumeratorValues) {
  const reasons = a.enumerators.flatMap(({ name, value }) => {
    const now = everywhere.get(name);
    return now === undefined || now === value ? [] : [`${name} was ${value}, and would be ${now}`];
  });
  return { reasons, notes: [] };
}

/**
 * @param uses what the source does with those that seem only to count
 * @param everywhere values after the patch
 */
export function compareEnums(a: Enum, b: Enum, uses: ValueUses, everywhere: EnumeratorValues) {
  const reasons: string[] = [];
  const notes: string[] = [];
  const now = new Map(b.enumerators.map((one) => [one.name, one]));
  const old = new Set(a.enumerators.map(({ name }) => name));
  const added = b.enumerators.filter(({ name }) => !old.has(name));
  if (a.size !== b.size) reasons.push(`it has ${b.size} bytes in place of ${a.size}`);
  for (const one of a.enumerators) {
    const other = now.get(one.name);
    if (!other) {
      const renamed = added.find(({ value }) => value === one.value);
      const moved = everywhere.get(one.name);
      if (moved !== undefined) {
        if (moved !== one.value)
          reasons.push(`${one.name} was ${one.value}, and would be ${moved}`);
      } else if (renamed) notes.push(`${one.name} is called ${renamed.name} now`);
      else reasons.push(`${one.name} (${one.value}) is gone`);
    } else if (other.value !== one.value) {
      const change = `${one.name} was ${one.value}, and would be ${other.value}`;
      const used = isBound(one, other, a, added) ? uses(one.name, new Set(now.keys())) : '';
      if (used === undefined) {
        notes.push(
          `${one.name}, which counts the enumerators, was ${one.value}, is ${other.value}`,
        );
      } else reasons.push(used === '' ? change : `${change}: ${used}`);
    }
  }
  return { reasons, notes };
}

/** NR_ITEMS, MAX_ITEMS; ITEM_MAX, __ITEM_LAST; ITEM_NR_KINDS. Not ITEM_MAXED, nor STATE_LAST_ACK. */
const COUNTS =
  /^(__)?(NR|NUM|N|NUMBER|MAX|COUNT|CNT|TOTAL)_|_(NR|NUM|NUMBER|COUNT|CNT|MAX|MAXIMUM|LAST|END|SIZE|TOTAL)_*$|_(NR|NUM)_/i;

/**
 * Whether an enumerator only says where the list ends, like NR_ITEMS: it had the highest value,
 * or one less as a name of the last, and goes up by as many as are new.
 */
function isBound(
  one: Enumerator,
  other: Enumerator,
  { enumerators }: Enum,
  added: readonly Enumerator[],
): boolean {
  const most = enumerators.map(({ value }) => value).reduce((x, y) => (y > x ? y : x));
  const grown = other.value - one.value;
  return COUNTS.test(one.name) && one.value >= most - 1n && grown === BigInt(added.length);
}
