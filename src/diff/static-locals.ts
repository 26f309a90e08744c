// Static locals: `count.12` in one object may be `count.14` in the other, and another
// function's `count` may now have its number. The numbers change, but the users stay,
// and they are the evidence: a variable of the same name, size and kind that the same
// function uses. If a function uses several such variables, or if the function itself
// is new or gone, more evidence is needed. The order of mention proves nothing, nor
// does being the last variable that is left. A variable without evidence stays
// unpaired, and closure.ts refuses if new code needs it and it may be an old one.

import type { Correlation } from './correlation.js';
import { dataKind, isOneKind } from './data-kinds.js';
import { Mentions } from './mentions.js';
import { sourceName, staticLocalBase } from './names.js';
import type { Part } from './parts.js';
import { groupBy } from './references.js';
import { sameButForStatics } from './same-but-statics.js';
import { tookThePlaceOf } from './successors.js';
import { pairBySurroundings } from './surroundings.js';

/** Pairs static locals. */
export function pairStaticLocals(correlation: Correlation): void {
  const variables = (side: 'pre' | 'post') =>
    correlation
      .unpaired(side)
      .filter(({ isFunction, role }) => !isFunction && (role === 'data' || role === 'unknown'));
  const before = variables('pre');
  const after = variables('post');
  const names = localNames([...before, ...after]);
  const pres = new Mentions(correlation.pre, withName(before, names));
  const posts = new Mentions(correlation.post, withName(after, names));
  if (pres.wanted.size === 0 || posts.wanted.size === 0) return;
  // A static table may be what mentions another static: until nothing more is found.
  while (pairOfUnchanged(correlation, pres, posts));
  while (pairAlone(correlation, pres, posts) || pairOfUnchanged(correlation, pres, posts));
  pairAmongSeveral(correlation, pres, posts);
  pairOfSuccessors(correlation, pres, posts);
  while (pairAlone(correlation, pres, posts));
  keepOtherKindsApart(correlation, pres, posts);
}

/** Names of static locals in the source. */
function localNames(parts: readonly Part[]): ReadonlySet<string> {
  const names = parts.flatMap((part) => staticLocalBase(part.symbol.name) ?? []);
  return new Set(names);
}

function withName(parts: readonly Part[], names: ReadonlySet<string>): Set<Part> {
  return new Set(parts.filter((part) => names.has(nameOf(part))));
}

function nameOf(part: Part): string {
  return sourceName(part.symbol.name);
}

/** Two statics of different name, size or kind are different variables, and so are two members of a struct. */
function shape(part: Part): string {
  return `${nameOf(part)} ${part.member ?? ''} ${part.end - part.start} ${dataKind(part.section)}`;
}

/** Users that are the same but for the numbers of their static locals say which is which. */
function pairOfUnchanged(correlation: Correlation, pres: Mentions, posts: Mentions): boolean {
  let found = false;
  for (const user of pres.places()) {
    const twin = correlation.postOf(user);
    if (!twin) continue;
    const pairs = sameButForStatics(correlation, user, twin, (pre, post) => {
      return pres.wanted.has(pre) && posts.wanted.has(post) && shape(pre) === shape(post);
    });
    for (const [pre, post] of pairs ?? []) {
      if (correlation.postOf(pre) || correlation.preOf(post)) continue;
      correlation.pair(pre, post, `used by ${user.symbol.name}, which is the same otherwise`);
      found = true;
    }
  }
  return found;
}

/** The only static of its shape that a user mentions on either side. */
function pairAlone(correlation: Correlation, pres: Mentions, posts: Mentions): boolean {
  let found = false;
  for (const { user, twin, before, after } of mentionedAlike(correlation, pres, posts, shape)) {
    const [[pre, ...more], [post, ...rest]] = [before, after];
    if (!pre || !post || more.length > 0 || rest.length > 0) continue;
    if (mayBeOfCallee(correlation, pres, posts, user, twin, pre)) continue;
    correlation.pair(pre, post, `used by ${user.symbol.name}`);
    found = true;
  }
  return found;
}

/**
 * Whether a function that is on one side only, and that the user calls there, has a static
 * of this shape as well: on the other side its code may be part of the user, and the
 * user's static the callee's.
 */
function mayBeOfCallee(
  correlation: Correlation,
  pres: Mentions,
  posts: Mentions,
  user: Part,
  twin: Part,
  sample: Part,
): boolean {
  const has = (mentions: Mentions, callee: Part) =>
    mentions.of(callee).some((part) => shape(part) === shape(sample));
  return (
    pres.calledBy(user).some((one) => !correlation.postOf(one) && has(pres, one)) ||
    posts.calledBy(twin).some((one) => !correlation.preOf(one) && has(posts, one))
  );
}

/** As many of one shape on either side, which are told apart by what stands around them. */
function pairAmongSeveral(correlation: Correlation, pres: Mentions, posts: Mentions): void {
  for (const { user, twin, before, after } of mentionedAlike(correlation, pres, posts, shape)) {
    if (before.length < 2 || after.length !== before.length) continue;
    const places = [pres.placesOf(user), posts.placesOf(twin)] as const;
    for (const [pre, post] of pairBySurroundings(correlation, places, [before, after])) {
      correlation.pair(pre, post, `used by ${user.symbol.name}, between the same calls`);
    }
  }
}

/** The users of the one are gone, or those of the other new, and it can be seen what became of them. */
function pairOfSuccessors(correlation: Correlation, pres: Mentions, posts: Mentions): void {
  const before = left(pres.wanted, correlation, 'pre');
  const after = left(posts.wanted, correlation, 'post');
  const evidence = (pre: Part, post: Part) => {
    if (shape(pre) !== shape(post)) return undefined;
    const has = (mentions: Mentions, user: Part | undefined) =>
      user !== undefined && mentions.of(user).some((part) => shape(part) === shape(pre));
    for (const user of pres.usersOf(pre)) {
      for (const other of posts.usersOf(post)) {
        // A user that stays, and has one of its own, may have gone on with that.
        if (has(posts, correlation.postOf(user)) || has(pres, correlation.preOf(other))) continue;
        const how = tookThePlaceOf(correlation, pres, posts, user, other, shape);
        if (how) return how;
      }
    }
    return undefined;
  };
  const found = before.flatMap((pre) =>
    after.flatMap((post) => {
      const rule = evidence(pre, post);
      return rule ? [{ pre, post, rule }] : [];
    }),
  );
  for (const { pre, post, rule } of found) {
    const rivals = found.filter((other) => other.pre === pre || other.post === post);
    if (rivals.length === 1) correlation.pair(pre, post, rule);
  }
}

/** What a user had and has of one name alone, and of two kinds. */
function keepOtherKindsApart(correlation: Correlation, pres: Mentions, posts: Mentions): void {
  for (const { before, after } of mentionedAlike(correlation, pres, posts, nameOf)) {
    const [[pre, ...more], [post, ...rest]] = [before, after];
    if (!pre || !post || more.length > 0 || rest.length > 0 || isOneKind(pre, post)) continue;
    correlation.keepApart(pre, post);
  }
}

/** What a user that stays mentions before and after, by what the parts have in common. */
function* mentionedAlike(
  correlation: Correlation,
  pres: Mentions,
  posts: Mentions,
  keyOf: (part: Part) => string,
): Generator<{ user: Part; twin: Part; before: Part[]; after: Part[] }> {
  for (const user of pres.users()) {
    const twin = correlation.postOf(user);
    if (!twin) continue;
    const there = groupBy(left(posts.of(twin), correlation, 'post'), keyOf);
    for (const [key, before] of groupBy(left(pres.of(user), correlation, 'pre'), keyOf)) {
      yield { user, twin, before, after: there.get(key) ?? [] };
    }
  }
}

/** Those that are neither paired nor known to be no pair. */
function left(parts: Iterable<Part>, correlation: Correlation, side: 'pre' | 'post'): Part[] {
  return [...parts].filter((part) => {
    const twin = side === 'pre' ? correlation.postOf(part) : correlation.preOf(part);
    return !twin && !correlation.isApart(part);
  });
}
