// Static locals: `count.12` in one object may be `count.14` in the other, and
// another function's `count` may now have its number. What stays is who refers
// to them: functions are paired by name first, and within a pair of functions
// the statics of one base name are paired in the order of first reference.

import type { Correlation } from './correlate.js';
import type { Journal } from './journal.js';
import { staticLocalBase } from './names.js';
import type { Part, Parts } from './parts.js';
import { findTarget } from './targets.js';

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
  let progress = true;
  while (progress) {
    progress = false;
    for (const [referrer, byBase] of preMentions) {
      const twin = correlation.postOf(referrer);
      const other = twin && postMentions.get(twin);
      if (!other) continue;
      for (const [base, list] of byBase) {
        const left = list.filter((part) => !correlation.postOf(part));
        const right = (other.get(base) ?? []).filter((part) => !correlation.preOf(part));
        progress = pairInOrder(correlation, referrer, left, right) || progress;
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
): boolean {
  let found = false;
  const shapes = groupBy(posts, shape);
  for (const [key, left] of groupBy(pres, shape)) {
    const right = shapes.get(key);
    if (!right || right.length !== left.length) continue;
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

/** Two statics of different size or kind of section are different variables. */
function shape(part: Part): string {
  const kind = part.section.name.replace(/\.[^.]+\.\d+$/, '');
  return `${part.end - part.start} ${kind}`;
}

/** Who mentions which static locals. */
function mentions(parts: Parts, wanted: ReadonlySet<Part>): Map<Part, Mentions> {
  const result = new Map<Part, Mentions>();
  const sections = new Set([...wanted].map((part) => part.section));
  for (const part of parts.parts) {
    if (part.role !== 'code' && part.role !== 'data') continue;
    const seen = new Set<Part>();
    for (const relocation of parts.object.relocations(part.section)) {
      if (relocation.offset < part.start || relocation.offset >= part.end) continue;
      const section = relocation.symbol.section;
      if (!section || !sections.has(section)) continue;
      const target = findTarget(parts, part.section, relocation);
      if (target.kind === 'part' && wanted.has(target.part)) seen.add(target.part);
    }
    if (seen.size > 0) {
      result.set(
        part,
        groupBy([...seen], (found) => staticLocalBase(found.symbol.name) ?? ''),
      );
    }
  }
  return result;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const list = groups.get(name);
    if (list) list.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}
