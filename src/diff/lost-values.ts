// Variables that are gone, where a function uses a new one of the same kind and size instead. If
// that is the same variable under another name, its running value is lost: a list is empty, a count is 0.

import { users } from './changed-constants.js';
import type { Comparison } from './compare.js';
import { isState } from './correlation.js';
import { dataKind } from './data-kinds.js';
import { functionName, sourceName } from './names.js';
import type { Part } from './parts.js';
import type { Side } from './side.js';

/** A note for each, with what has come in its place. */
export function lostValues({ correlation, pre, post }: Comparison): string[] {
  const gone = correlation.unpaired('pre').filter(isVariable);
  const came = correlation.unpaired('post').filter(isVariable);
  if (gone.length === 0 || came.length === 0) return [];
  const [before, after] = [functionsOf(pre, gone), functionsOf(post, came)];
  const left = new Set(came);
  return gone.flatMap((old) => {
    const now = new Set((before.get(old) ?? []).map((user) => correlation.postOf(user)));
    for (const one of left) {
      const by = isAlike(old, one) && after.get(one)?.find((user) => now.has(user));
      if (!by) continue;
      left.delete(one);
      return [note(old, one, by)];
    }
    return [];
  });
}

function note(old: Part, now: Part, by: Part): string {
  const [was, is] = [sourceName(old.symbol.name), sourceName(now.symbol.name)];
  return `${was} is gone, and ${functionName(by)}() uses ${is} instead, which is new: if it is the same variable, the running value is lost, so leave its name as it was`;
}

function isVariable(part: Part): boolean {
  return part.role === 'data' && isState(part) && !part.isFunction;
}

function isAlike(one: Part, other: Part): boolean {
  const isSize = one.end - one.start === other.end - other.start;
  return isSize && dataKind(one.section) === dataKind(other.section);
}

function functionsOf(side: Side, variables: readonly Part[]): Map<Part, Part[]> {
  const all = users(side, new Set(variables));
  return new Map(
    [...all].map(([variable, set]) => [
      variable,
      [...set].filter((user): user is Part => user !== 'other' && user.role === 'code'),
    ]),
  );
}
