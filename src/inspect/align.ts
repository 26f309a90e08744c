// Old and new side by side: equal lines beside each other. Two branches are
// equal if they lead to lines that stand beside each other, however far that is.

import { diffArrays } from 'diff';
import { isInside, type Line, type Referent } from './code.js';

export type RowKind = 'same' | 'changed' | 'removed' | 'added';

/** What stands beside each other; one of the two may be missing. */
export interface Row {
  readonly kind: RowKind;
  readonly old?: Line;
  readonly new?: Line;
}

/** Two forms of one function or block of data, which has the same name on both sides. */
export interface Pair {
  readonly name: string;
  readonly old: readonly Line[];
  readonly new: readonly Line[];
}

/** Beyond this many different lines, a function has nothing left to be aligned by. */
const MOST_EDITS = 5000;

/**
 * Aligns functions that belong together: branches from one to another (to its
 * cold part, say) are followed.
 * @returns the rows of each pair, in the order of the pairs
 */
export function align(pairs: readonly Pair[]): Row[][] {
  const aligned = pairs.map(alignByKey);
  const beside = aligned.map(
    (rows) =>
      new Map(
        rows.flatMap((row) => (row.old && row.new ? [[row.old.offset, row.new.offset]] : [])),
      ),
  );
  return aligned.map((rows, own) =>
    rows.map((row) => {
      const { kind, old, new: now } = row;
      if (kind !== 'same' || !old?.leadsTo || !now?.leadsTo) return row;
      const agree = samePlace(old.leadsTo, now.leadsTo, pairs, beside, own);
      return agree ? row : { ...row, kind: 'changed' };
    }),
  );
}

/** @param own index of the pair that refers to the places: of several with a name, it means itself */
function samePlace(
  from: Referent,
  to: Referent,
  pairs: readonly Pair[],
  beside: readonly ReadonlyMap<number, number>[],
  own: number,
): boolean {
  if (from.name !== to.name) return false;
  const meant = ({ name }: Pair) => name === from.name;
  const index = meant(pairs[own]!) ? own : pairs.findIndex(meant);
  // A whole function; or a place in one that is not listed: nothing tells that it has moved.
  if (!isInside(from) || index < 0) return from.offset === to.offset;
  return beside[index]!.get(from.offset) === to.offset;
}

function alignByKey({ old, new: now }: Pair): Row[] {
  const parts = diffArrays(
    old.map(({ key }) => key),
    now.map(({ key }) => key),
    { maxEditLength: MOST_EDITS },
  ) ?? [
    { count: old.length, removed: true, added: false },
    { count: now.length, removed: false, added: true },
  ];
  const rows: Row[] = [];
  let [oldAt, newAt] = [0, 0];
  let gone: readonly Line[] = [];
  let come: readonly Line[] = [];
  for (const { count, added, removed } of parts) {
    const [before, after] = [old.slice(oldAt, oldAt + count), now.slice(newAt, newAt + count)];
    if (!added) oldAt += count;
    if (!removed) newAt += count;
    if (removed) gone = before;
    else if (added) come = after;
    else {
      rows.push(...besideEachOther(gone, come));
      [gone, come] = [[], []];
      before.forEach((line, index) => {
        rows.push({ kind: 'same', old: line, new: after[index]! });
      });
    }
  }
  rows.push(...besideEachOther(gone, come));
  return rows;
}

/** A stretch that differs: line beside line, as far as both go. */
function besideEachOther(gone: readonly Line[], come: readonly Line[]): Row[] {
  const rows: Row[] = [];
  for (let index = 0; index < Math.max(gone.length, come.length); index++) {
    const old = gone[index];
    const now = come[index];
    if (old && now) rows.push({ kind: 'changed', old, new: now });
    else if (old) rows.push({ kind: 'removed', old });
    else if (now) rows.push({ kind: 'added', new: now });
  }
  return rows;
}

/** A stretch of rows to show, or of equal ones that need not be. */
export interface Stretch {
  readonly rows: readonly Row[];
  readonly folded: boolean;
}

/**
 * Parts rows into what differs, with some equal lines around it, and what is equal.
 * @param context equal lines to show before and after each difference
 */
export function fold(rows: readonly Row[], context: number): Stretch[] {
  const shown = new Array<boolean>(rows.length).fill(false);
  rows.forEach(({ kind }, index) => {
    if (kind !== 'same') shown.fill(true, Math.max(0, index - context), index + context + 1);
  });
  const stretches: Stretch[] = [];
  for (let start = 0, end = 0; start < rows.length; start = end) {
    while (end < rows.length && shown[end] === shown[start]) end++;
    // One line takes no more room than the word that stands for it.
    const folded = !shown[start] && end - start > 1;
    stretches.push({ rows: rows.slice(start, end), folded });
  }
  return stretches;
}
