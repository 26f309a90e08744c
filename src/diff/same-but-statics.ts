// Whether two functions or variables are the same but for the static locals that they
// refer to. If they are, the static at each place of the one is the static at that
// place of the other: nothing but its number has changed.

import { relocations } from '../arch/relocations.js';
import type { Correlation } from './correlation.js';
import { contents, firstDifference, relocationHoles, relocationsIn } from './extents.js';
import { isFresh } from './names.js';
import type { Part, Parts } from './parts.js';
import { pieceAt } from './pieces.js';
import { findTarget, type Target } from './targets.js';

/**
 * @param mayBeOne whether two static locals may be one
 * @returns which is which; undefined if anything else differs, or if one is two
 */
export function sameButForStatics(
  correlation: Correlation,
  pre: Part,
  post: Part,
  mayBeOne: (pre: Part, post: Part) => boolean,
): ReadonlyMap<Part, Part> | undefined {
  const before = relocationsIn(correlation.pre.object, pre);
  const after = relocationsIn(correlation.post.object, post);
  if (pre.end - pre.start !== post.end - post.start) return undefined;
  if (before.length !== after.length) return undefined;
  const there = new Map<Part, Part>();
  const back = new Map<Part, Part>();
  for (const [i, relocation] of before.entries()) {
    const other = after[i]!;
    const isThere = relocation.offset - pre.start === other.offset - post.start;
    if (!isThere || relocations.plain(relocation.type) !== relocations.plain(other.type))
      return undefined;
    const from = findTarget(correlation.pre, pre.section, relocation);
    const to = findTarget(correlation.post, post.section, other);
    if (isSame(correlation, from, to)) continue;
    if (from.kind !== 'part' || to.kind !== 'part') return undefined;
    if (from.offset !== to.offset || !mayBeOne(from.part, to.part)) return undefined;
    if ((there.get(from.part) ?? to.part) !== to.part) return undefined;
    if ((back.get(to.part) ?? from.part) !== from.part) return undefined;
    there.set(from.part, to.part);
    back.set(to.part, from.part);
  }
  return firstDifference(pre, post, () => relocationHoles(before)) < 0 ? there : undefined;
}

function isSame(correlation: Correlation, from: Target, to: Target): boolean {
  if (from.kind === 'external' && to.kind === 'external') {
    return from.name === to.name && from.addend === to.addend;
  }
  if (from.kind === 'part' && to.kind === 'part') {
    const twin = correlation.postOf(from.part);
    if (twin || correlation.preOf(to.part)) return twin === to.part && from.offset === to.offset;
    return isFreshPart(from.part) && isFreshPart(to.part) && from.offset === to.offset;
  }
  if (from.kind !== 'section' || to.kind !== 'section') return false;
  return piece(correlation.pre, from) === piece(correlation.post, to);
}

/** `__func__` and its kind: whatever it is, it is no variable that anybody misses. */
function isFreshPart(part: Part): boolean {
  return part.role === 'table' || part.names.every(({ name }) => isFresh(name));
}

function piece(parts: Parts, { section, offset }: Target & { kind: 'section' }): string {
  const extent = pieceAt(parts, section, offset);
  if (!extent) return `${section.name}+${offset}`;
  return `${offset - extent.start} ${contents(extent).toString('latin1')}`;
}
