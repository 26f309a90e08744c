// Static locals: `count.12` in one object may be `count.14` in the other, and
// another function's `count` may now have its number. What stays is who refers
// to them: functions are paired by name first, and within a pair of functions
// the statics of one base name are paired in the order of first reference.

import type { Correlation } from './correlate.js';
import type { Journal } from './journal.js';
import { staticLocalBase } from './names.js';
import type { Part, Parts } from './parts.js';
import { forEachReference, groupBy } from './references.js';
import type { SectionRole } from './sections.js';

/** Statics of one base name, in the order in which one referrer first mentions them. */
type Mentions = Map<string, Part[]>;

/**
 * Pairs static locals by their referrers, until nothing more is found (a
 * static table may be what refers to another static). Those that remain with
 * unequal counts in a pair of referrers are reported as ambiguous by being left
 * alone: closure.ts refuses when new code needs one.
 */
export function pairStaticLocals(correlation: Correlation, journal: Journal): void {
  const wanted = (side: 'pre' | 'post') =>
    new Set(
      correlation
        .unpaired(side)
        .filter((part) => !part.isFunction && staticLocalBase(part.symbol.name) !== undefined),
    );
  const pres = wanted('pre');
  const posts = wanted('post');
  if (pres.size === 0 || posts.size === 0) return;
  const preMentions = mentions(correlation.pre, pres);
  const postMentions = mentions(correlation.post, posts);
  // A function of the same size most likely still does things in the same order; from
  // a changed one only a static that is alone with its name can be told.
  for (const exact of [true, false]) {
    for (let progress = true; progress; ) {
      progress = false;
      for (const [referrer, byBase] of preMentions) {
        const twin = correlation.postOf(referrer);
        const other = twin && postMentions.get(twin);
        if (!other || (exact && length(referrer) !== length(twin))) continue;
        for (const [base, list] of byBase) {
          const left = list.filter((part) => !correlation.postOf(part));
          const right = (other.get(base) ?? []).filter((part) => !correlation.preOf(part));
          progress = pairInOrder(correlation, referrer, left, right, exact) || progress;
        }
      }
    }
  }
  pairLeftovers(correlation, [...pres], [...posts], journal);
}

/** Pairs statics that one function mentions, if both sides mention equally many of each shape. */
function pairInOrder(
  correlation: Correlation,
  referrer: Part,
  pres: readonly Part[],
  posts: readonly Part[],
  severalToo: boolean,
): boolean {
  let found = false;
  const shapes = groupBy(posts, shape);
  for (const [key, left] of groupBy(pres, shape)) {
    const right = shapes.get(key);
    if (!right || right.length !== left.length) continue;
    if (left.length > 1 && !severalToo) continue;
    const rule =
      left.length === 1
        ? `used by ${referrer.symbol.name}`
        : `used by ${referrer.symbol.name}, in this order`;
    for (const [i, pre] of left.entries()) correlation.pair(pre, right[i]!, rule);
    found = true;
  }
  return found;
}

/** One left of a base name on each side and of one shape: its function was renamed, inlined or split. */
function pairLeftovers(
  correlation: Correlation,
  pres: readonly Part[],
  posts: readonly Part[],
  journal: Journal,
): void {
  const key = (part: Part) => `${staticLocalBase(part.symbol.name)} ${shape(part)}`;
  const left = groupBy(
    pres.filter((part) => !correlation.postOf(part)),
    key,
  );
  const right = groupBy(
    posts.filter((part) => !correlation.preOf(part)),
    key,
  );
  for (const [name, candidates] of left) {
    const others = right.get(name) ?? [];
    if (candidates.length === 1 && others.length === 1) {
      const rule = 'a guess: the only static local of that name left on both sides';
      correlation.pair(candidates[0]!, others[0]!, rule);
    } else {
      for (const part of others) {
        journal.note(part.symbol.name, `may be any of ${candidates.length} static locals of pre`);
      }
    }
  }
}

function length(part: Part): number {
  return part.end - part.start;
}

/** Two statics of different size or kind of section are different variables. */
function shape(part: Part): string {
  const kind = part.section.name.replace(/\.[^.]+\.\d+$/, '');
  return `${part.end - part.start} ${kind}`;
}

/** Code and data mention variables; tables mention them for the code at their sites. */
const mentioners: ReadonlySet<SectionRole> = new Set(['code', 'data', 'init']);

/** Who mentions which static locals. */
function mentions(parts: Parts, wanted: ReadonlySet<Part>): Map<Part, Mentions> {
  const sections = new Set([...wanted].map((part) => part.section));
  const seen = new Map<Part, Set<Part>>();
  forEachReference(
    parts,
    mentioners,
    (section) => sections.has(section),
    ({ from, target }) => {
      if (!from || target.kind !== 'part' || !wanted.has(target.part)) return;
      const set = seen.get(from);
      if (set) set.add(target.part);
      else seen.set(from, new Set([target.part]));
    },
  );
  return new Map(
    [...seen].map(([from, set]) => [
      from,
      groupBy(set, (found) => staticLocalBase(found.symbol.name) ?? ''),
    ]),
  );
}
