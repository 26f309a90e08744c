// Which part of the pre object is which part of the post object. An ordered
// list of rules, strictest evidence first; the rule that paired two parts is
// kept for --explain.
//
// For functions a missed or odd pair costs precision only: the comparison is
// exact, so a caller whose callee was not recognised is itself replaced. For
// writable data a wrong pair would make new code work on the wrong variable:
// there nothing is guessed.

import { SHF_WRITE } from '../elf/constants.js';
import { dataKind, isOneKind } from './data-kinds.js';
import type { Journal } from './journal.js';
import {
  btfIdBase,
  coldParent,
  isFresh,
  sourceName,
  staticLocalBase,
  variantFamily,
} from './names.js';
import type { Part, Parts } from './parts.js';
import { groupBy } from './references.js';
import { pairRenamed } from './renamed.js';
import { pairStaticLocals } from './static-locals.js';

/** The pairs found so far. */
export class Correlation {
  private readonly posts: (Part | undefined)[] = [];
  private readonly pres: (Part | undefined)[] = [];
  /** By index of the post part: what showed that it is one of a pair. */
  private readonly rules: (string | undefined)[] = [];

  /** Variables of one name that are of two kinds, and therefore no pair. */
  readonly apart: { readonly pre: Part; readonly post: Part }[] = [];

  constructor(
    readonly pre: Parts,
    readonly post: Parts,
    private readonly journal: Journal,
  ) {}

  /** The post part that a pre part became. */
  postOf(part: Part): Part | undefined {
    return this.posts[part.index];
  }

  /** The pre part that a post part was. */
  preOf(part: Part): Part | undefined {
    return this.pres[part.index];
  }

  /** What showed that a post part is the pre part that it is paired with. */
  ruleOf(part: Part): string | undefined {
    return this.rules[part.index];
  }

  pair(pre: Part, post: Part, rule: string): void {
    this.posts[pre.index] = post;
    this.pres[post.index] = pre;
    this.rules[post.index] = rule;
    this.journal.note(post.symbol.name, () => `matched with ${describe(pre)}: ${rule}`);
    if (pre.symbol.name !== post.symbol.name) {
      this.journal.note(pre.symbol.name, () => `matched with ${describe(post)}: ${rule}`);
    }
  }

  /** Notes that two variables have one name and are not one: nothing else will pair them. */
  keepApart(pre: Part, post: Part): void {
    this.apart.push({ pre, post });
    this.journal.note(
      post.symbol.name,
      () =>
        `not ${describe(pre)}: that is ${dataKind(pre.section)}, this is ${dataKind(post.section)}`,
    );
  }

  /** Whether it is one of those. */
  isApart(part: Part): boolean {
    return this.apart.some(({ pre, post }) => pre === part || post === part);
  }

  /**
   * Whether an unpaired post variable may be one of several old ones of its name, so
   * that taking it for a new one would lose state: one of the two is a static local.
   */
  isAmbiguous(part: Part): boolean {
    if (part.isFunction || !isState(part) || this.pres[part.index] || this.isApart(part)) {
      return false;
    }
    const name = sourceName(part.symbol.name);
    return this.unpaired('pre').some(
      (other) =>
        !other.isFunction &&
        (isNumbered(part) || isNumbered(other)) &&
        sourceName(other.symbol.name) === name,
    );
  }

  /** Parts of one side that no rule has paired and that may be paired at all. */
  unpaired(side: 'pre' | 'post'): Part[] {
    const { parts } = side === 'pre' ? this.pre : this.post;
    const done = side === 'pre' ? this.posts : this.pres;
    return parts.filter((part) => !done[part.index] && isCorrelated(part) && !this.isApart(part));
  }
}

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

function describe(part: Part): string {
  return `${part.symbol.name} (${part.section.name})`;
}

function isCorrelated(part: Part): boolean {
  if (part.role === 'table' || part.role === 'ignored') return false;
  return !part.names.every((name) => isFresh(name.name));
}

/** Parts whose static local's number says nothing about who they are. */
export function isNumbered(part: Part): boolean {
  return !part.isFunction && staticLocalBase(part.symbol.name) !== undefined;
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

/** Whether a wrong pair of these would make code work on the wrong variable. */
export function isState(part: Part): boolean {
  return (part.section.flags & SHF_WRITE) !== 0;
}
