// Several static locals of one name, size and kind in one function that changed:
// DO_ONCE() makes a flag and a key for each secret that inet6_ehashfn() draws. What stands
// around them tells them apart, where the code there is as it was: the functions that
// are called, variables and strings that are mentioned just before or just after.

import type { Correlation } from './correlation.js';
import { contents, relocationsIn } from './extents.js';
import type { Part, Parts } from './parts.js';
import { pieceAt } from './pieces.js';
import { findTarget, type Target } from './targets.js';

/** So many neighbours have to be the same, in their order. */
const NEIGHBOURS = 3;

/**
 * Which of several statics is which.
 * @param places where both sides mention them: a function and its `.cold` part
 * @returns pairs; one that stands in the surroundings of two, or of none, is in no pair
 */
export function pairBySurroundings(
  correlation: Correlation,
  [prePlaces, postPlaces]: readonly [pre: readonly Part[], post: readonly Part[]],
  [pres, posts]: readonly [pre: readonly Part[], post: readonly Part[]],
): [pre: Part, post: Part][] {
  const nameOf = (side: 'pre' | 'post') => (part: Part) => {
    const pre = side === 'pre' ? part : correlation.preOf(part);
    return pre && correlation.postOf(pre) ? pre.symbol.name : undefined;
  };
  const before = surroundings(correlation.pre, prePlaces, new Set(pres), nameOf('pre'));
  const after = surroundings(correlation.post, postPlaces, new Set(posts), nameOf('post'));
  const found = new Map<Part, Set<Part>>();
  for (const [text, owners] of before) {
    const [pre, ...more] = owners;
    const [post, ...rest] = after.get(text) ?? [];
    if (!pre || !post || more.length > 0 || rest.length > 0) continue;
    found.set(pre, (found.get(pre) ?? new Set()).add(post));
  }
  const claimed = [...found.values()].flatMap((set) => [...set]);
  return [...found].flatMap(([pre, set]) => {
    const [post, ...others] = set;
    const isClear =
      post && others.length === 0 && claimed.filter((one) => one === post).length === 1;
    return isClear ? [[pre, post] as [Part, Part]] : [];
  });
}

/** For each run of neighbours: the statics that stand before or behind it. */
function surroundings(
  parts: Parts,
  places: readonly Part[],
  statics: ReadonlySet<Part>,
  nameOf: (part: Part) => string | undefined,
): Map<string, Set<Part>> {
  const found = new Map<string, Set<Part>>();
  const add = (words: readonly string[], where: string, part: Part) => {
    if (words.length < NEIGHBOURS) return;
    const text = `${where} ${words.join('\n')}`;
    found.set(text, (found.get(text) ?? new Set()).add(part));
  };
  for (const place of places) {
    const items = relocationsIn(parts.object, place).flatMap((relocation): (string | Part)[] => {
      const target = findTarget(parts, place.section, relocation);
      if (target.kind === 'part' && statics.has(target.part)) return [target.part];
      const word = label(parts, target, nameOf);
      return word === undefined ? [] : [word];
    });
    const isWord = (item: string | Part): item is string => typeof item === 'string';
    for (const [i, item] of items.entries()) {
      if (isWord(item)) continue;
      add(items.slice(0, i).filter(isWord).slice(-NEIGHBOURS), 'behind', item);
      add(
        items
          .slice(i + 1)
          .filter(isWord)
          .slice(0, NEIGHBOURS),
        'before',
        item,
      );
    }
  }
  return found;
}

/** What both sides call the same; undefined for what has no name that says anything. */
function label(
  parts: Parts,
  target: Target,
  nameOf: (part: Part) => string | undefined,
): string | undefined {
  if (target.kind === 'external') return target.name;
  if (target.kind === 'part') return nameOf(target.part);
  if (parts.roles[target.section.index] !== 'strings') return undefined;
  const extent = pieceAt(parts, target.section, target.offset);
  return extent && JSON.stringify(contents(extent).toString('latin1'));
}
