// Which functions and variables changed, were added, or went.

import { type DataFate, decideDataFates } from './changed-constants.js';
import type { Comparison } from './compare.js';
import type { Journal } from './journal.js';
import { btfIdBase, coldParent, isFresh } from './names.js';
import { type IsNewcomer, reviseNewcomers } from './newcomers.js';
import { decideOtherKinds, type OtherKind } from './other-kinds.js';
import type { Part, Parts } from './parts.js';

/** Pairs of parts by what happened to them. */
export interface Changes {
  /** Functions that differ and are replaced, `.cold` parts included. */
  readonly functions: ReadonlyMap<Part, Part>;
  /** Variables and constants whose content differs. */
  readonly data: ReadonlyMap<Part, Part>;
  /** What becomes of them, and of changed functions that an update below added. */
  readonly fates: ReadonlyMap<Part, DataFate>;
  /** What differs in code and data that is used at boot or load time only. */
  readonly init: readonly Part[];
  readonly added: readonly Part[];
  readonly removed: readonly Part[];
  /** Variables that are of another kind than the one of their name was. */
  readonly otherKinds: readonly OtherKind[];
  /** Changed functions that an update below added, and that others may have the address of. */
  readonly known: readonly Part[];
  /** Constants that come along in another size, each with the functions that differ in nothing else. */
  readonly resized: ReadonlyMap<Part, readonly Part[]>;
}

/**
 * Compares every pair.
 * @param isNewcomer about a pre symbol; of the kernel as it was booted nothing is
 */
export function findChanges(
  comparison: Comparison,
  journal: Journal,
  isNewcomer: IsNewcomer,
): Changes {
  const { correlation, pre, post } = comparison;
  const functions = new Map<Part, Part>();
  const data = new Map<Part, Part>();
  const init: Part[] = [];
  const added: Part[] = [];
  for (const part of post.parts.parts) {
    const twin = correlation.preOf(part);
    if (!twin) {
      if (isReported(part)) added.push(part);
    } else if (part.role === 'init' && twin.role === 'init') {
      if (!comparison.same(twin, part)) init.push(part);
    } else if (part.role === 'code' && twin.role === 'code') {
      if (!comparison.same(twin, part)) functions.set(twin, part);
    } else if (part.role === 'data' || part.role === 'unknown' || part.role !== twin.role) {
      if (part.role !== twin.role || !comparison.same(twin, part)) data.set(twin, part);
    }
  }
  const { fates, readers } = decideDataFates(comparison, data, isNewcomer);
  const resized = new Map<Part, readonly Part[]>();
  const differing = new Set(functions.keys());
  for (const [constant, all] of readers) {
    const unchanged: Part[] = [];
    for (const reader of all) {
      const twin = correlation.preOf(reader);
      if (!twin || differing.has(twin)) continue;
      unchanged.push(reader);
      functions.set(twin, reader);
      const { name } = constant.symbol;
      journal.note(reader.symbol.name, `replaced because it reads ${name}, which changed`);
    }
    const twin = correlation.preOf(constant);
    if (twin && lengthOf(twin) !== lengthOf(constant)) resized.set(constant, unchanged);
  }
  joinFamilies(comparison, functions);
  const { fresh, known } = reviseNewcomers(comparison, functions, isNewcomer, journal);
  const replaced = [...fresh].map((part) => [part, 'replaced'] as const);
  const removed = pre.parts.parts.filter(
    (part) => isReported(part) && correlation.postOf(part) === undefined,
  );
  return {
    functions,
    data,
    fates: new Map([...fates, ...replaced]),
    otherKinds: decideOtherKinds(comparison),
    init,
    added,
    removed,
    known,
    resized,
  };
}

function lengthOf({ start, end }: Part): number {
  return end - start;
}

/** A function and its `.cold` part jump into each other: both are replaced or none. */
function joinFamilies(comparison: Comparison, functions: Map<Part, Part>): void {
  const { correlation, post } = comparison;
  for (const [cold, parent] of coldParts(post.parts)) {
    const preCold = correlation.preOf(cold);
    const preParent = correlation.preOf(parent);
    if (preCold && preParent && functions.has(preCold) !== functions.has(preParent)) {
      functions.set(preCold, cold);
      functions.set(preParent, parent);
    }
  }
}

/** Each `.cold` part with the function that it belongs to. */
function coldParts(parts: Parts): Map<Part, Part> {
  const functions = new Map<string, Part>();
  for (const part of parts.parts) {
    if (part.isFunction) for (const { name } of part.names) functions.set(name, part);
  }
  const result = new Map<Part, Part>();
  for (const part of parts.parts) {
    const name = part.isFunction ? coldParent(part.symbol.name) : undefined;
    const parent = name === undefined ? undefined : functions.get(name);
    if (parent) result.set(part, parent);
  }
  return result;
}

/** Whether a part that is on one side only is worth a line: code and named data that stay. */
function isReported(part: Part): boolean {
  if (part.role !== 'code' && part.role !== 'data' && part.role !== 'unknown') return false;
  return !isFresh(part.symbol.name) && btfIdBase(part.symbol.name) === undefined;
}
