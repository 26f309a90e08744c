// Functions that have another name: one is gone, a new one is in its place, everywhere where that
// can be seen. Both are static; of others somebody else may know the name.
//
// It is as if the body had changed. Who has the address of the old function, an open file or a timer,
// gets to the new one, and the address that is handed out goes on being the old one.

import { STB_LOCAL } from '../elf/constants.js';
import type { Correlation } from './correlation.js';
import { coldParent } from './names.js';
import type { Part, Parts } from './parts.js';
import { forEachReference } from './references.js';
import { sameButForStatics } from './same-but-statics.js';
import type { SectionRole } from './sections.js';

const users: ReadonlySet<SectionRole> = new Set(['code', 'data']);

/**
 * Pairs functions that have another name. Every function or table that calls the old one, or has its
 * address, must otherwise be the same, and all of them must agree.
 * @returns whether any was found
 */
export function pairRenamed(correlation: Correlation): boolean {
  const gone = new Set(correlation.unpaired('pre').filter(mayBeRenamed));
  const added = new Set(correlation.unpaired('post').filter(mayBeRenamed));
  if (gone.size === 0 || added.size === 0) return false;
  const votes = new Map<Part, Set<Part>>();
  const reverse = new Map<Part, Set<Part>>();
  for (const user of usersOf(correlation.pre, gone)) {
    const twin = correlation.postOf(user);
    const mayBeOne = (pre: Part, post: Part) => gone.has(pre) && added.has(post);
    const pairs = twin && sameButForStatics(correlation, user, twin, mayBeOne);
    for (const [pre, post] of pairs ?? []) {
      vote(votes, pre, post);
      vote(reverse, post, pre);
    }
  }
  let found = false;
  for (const [pre, [post, ...others]] of [...votes].map(
    ([part, set]) => [part, [...set]] as const,
  )) {
    if (!post || others.length > 0 || reverse.get(post)?.size !== 1) continue;
    correlation.pair(pre, post, `in the place of ${pre.symbol.name}, which is gone`);
    pairCold(correlation, pre, post);
    found = true;
  }
  return found;
}

/** Whether a pair is one of those. */
export function isRenamed(pre: Part, post: Part): boolean {
  return mayBeRenamed(pre) && mayBeRenamed(post) && pre.symbol.name !== post.symbol.name;
}

function vote(votes: Map<Part, Set<Part>>, from: Part, to: Part): void {
  const set = votes.get(from);
  if (set) set.add(to);
  else votes.set(from, new Set([to]));
}

function mayBeRenamed({ isFunction, role, symbol }: Part): boolean {
  // A variant that the compiler has made (f.isra.0) may be called in another way.
  const isPlain = symbol.binding === STB_LOCAL && !symbol.name.includes('.');
  return isFunction && role === 'code' && isPlain;
}

function usersOf(parts: Parts, wanted: ReadonlySet<Part>): Set<Part> {
  const found = new Set<Part>();
  const sections = new Set([...wanted].map(({ section }) => section));
  forEachReference(
    parts,
    users,
    (section) => sections.has(section),
    ({ from, target }) => {
      if (!from || target.kind !== 'part' || !wanted.has(target.part)) return;
      if (!wanted.has(from)) found.add(from);
    },
  );
  return found;
}

function pairCold(correlation: Correlation, pre: Part, post: Part): void {
  const coldOf = (side: 'pre' | 'post', parent: Part) =>
    correlation.unpaired(side).find(({ isFunction, symbol }) => {
      return isFunction && coldParent(symbol.name) === parent.symbol.name;
    });
  const [was, is] = [coldOf('pre', pre), coldOf('post', post)];
  if (was && is) correlation.pair(was, is, `the unlikely part of ${post.symbol.name}`);
}
