// Which part of the pre object is which part of the post object. An ordered
// list of rules, strictest evidence first; the rule that paired two parts is
// kept for --explain.
//
// For functions a missed or odd pair costs precision only: the comparison is
// exact, so a caller whose callee was not recognised is itself replaced. For
// writable data a wrong pair would make new code work on the wrong variable:
// there nothing is guessed.

import { Correlation, isNumbered } from './correlation.js';
import { isOneKind } from './data-kinds.js';
import type { Journal } from './journal.js';
import { btfIdBase, coldParent, variantFamily } from './names.js';
import type { Part, Parts } from './parts.js';
import { groupBy } from './references.js';
import { pairRenamed } from './renamed.js';
import { pairStaticLocals } from './static-locals.js';

/** Finds all pairs. */
export function correlate(pre: Parts, post: Parts, journal: Journal): Correlation {
  const correlation = new Correlation(pre, post, journal);
  pairByName(correlation);
  pairBtfIds(correlation);
  pairColdParts(correlation);
  pairRenumberedVariants(correlation);
  while (pairRenamed(correlation));
  pairStaticLocals(correlation);
  // Some are seen to be the same otherwise only when their static locals have their pairs.
  while (pairRenamed(correlation));
  return correlation;
}

/**
 * The same name, binding aside: a function may become static or global
 * (`tcp_v4_send_reset` lost its `static` in some releases) and is still called
 * by that name. A name that occurs twice on a side is left to other evidence.
 */
function pairByName(correlation: Correlation): void {
  const posts = uniqueNames(correlation.unpaired('post'));
  for (const [name, pre] of uniqueNames(correlation.unpaired('pre'))) {
    const post = posts.get(name);
    if (!pre || !post || pre.isFunction !== post.isFunction) continue;
    if (correlation.postOf(pre) || correlation.preOf(post)) continue;
    // What was __init is gone: if it now stays, it is a new function.
    if ((pre.role === 'init') !== (post.role === 'init')) continue;
    if (btfIdBase(name) !== undefined) continue;
    if (isNumbered(pre) || isNumbered(post) || coldParent(name) !== undefined) continue;
    if (!isOneKind(pre, post)) {
      if (!correlation.isApart(pre)) correlation.keepApart(pre, post);
      continue;
    }
    const rule =
      pre.symbol.binding === post.symbol.binding
        ? 'same name and linkage'
        : 'same name, other linkage';
    correlation.pair(pre, post, rule);
  }
}

/** Name → part, undefined for names that several parts have. */
function uniqueNames(parts: readonly Part[]): Map<string, Part | undefined> {
  const byName = new Map<string, Part | undefined>();
  for (const part of parts) {
    for (const { name } of part.names) {
      byName.set(name, byName.has(name) && byName.get(name) !== part ? undefined : part);
    }
  }
  return byName;
}

/**
 * The same type's ids in the same order (`bpf_skc_to_tcp_sock_proto` has the
 * address of one). Where one was added or went, all of that type stay unpaired.
 */
function pairBtfIds(correlation: Correlation): void {
  const ids = (side: 'pre' | 'post') =>
    groupBy(
      correlation.unpaired(side).filter((part) => btfIdBase(part.symbol.name) !== undefined),
      (part) => btfIdBase(part.symbol.name),
    );
  const posts = ids('post');
  for (const [base, list] of ids('pre')) {
    const others = posts.get(base);
    if (others?.length !== list.length) continue;
    for (const [i, pre] of list.entries()) {
      correlation.pair(pre, others[i]!, 'the BTF id of that type in this order');
    }
  }
}

/** `tcp_sk_init.cold` is the unlikely half of `tcp_sk_init`, whatever it is numbered. */
function pairColdParts(correlation: Correlation): void {
  const pres = new Map<string, Part>();
  for (const part of correlation.unpaired('pre')) {
    const parent = part.isFunction ? coldParent(part.symbol.name) : undefined;
    if (parent !== undefined) pres.set(parent, part);
  }
  for (const post of correlation.unpaired('post')) {
    const parent = post.isFunction ? coldParent(post.symbol.name) : undefined;
    const pre = parent === undefined ? undefined : pres.get(parent);
    if (pre) correlation.pair(pre, post, `the unlikely part of ${parent}`);
  }
}

/**
 * `tcp_v4_md5_hash_hdr.isra.0` may come back as `.isra.1` when another variant
 * was made first. Only where one of the family is left on each side.
 */
function pairRenumberedVariants(correlation: Correlation): void {
  const pres = onlyOfFamily(correlation.unpaired('pre'));
  for (const [family, post] of onlyOfFamily(correlation.unpaired('post'))) {
    const pre = pres.get(family);
    if (pre && post) correlation.pair(pre, post, `the only ${family} left on both sides`);
  }
}

function onlyOfFamily(parts: readonly Part[]): Map<string, Part | undefined> {
  const families = new Map<string, Part | undefined>();
  for (const part of parts) {
    const family = part.isFunction ? variantFamily(part.symbol.name) : undefined;
    if (family === undefined) continue;
    families.set(family, families.has(family) ? undefined : part);
  }
  return families;
}
