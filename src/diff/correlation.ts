// Which part of the post object is which part of the pre object, as far as it is known.

import { SHF_WRITE } from '../elf/constants.js';
import { dataKind } from './data-kinds.js';
import type { Journal } from './journal.js';
import { isFresh, sourceName, staticLocalBase } from './names.js';
import type { Part, Parts } from './parts.js';

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
    this.journal.note(post.symbol.name, () => `matched with ${partInWords(pre)}: ${rule}`);
    if (pre.symbol.name !== post.symbol.name) {
      this.journal.note(pre.symbol.name, () => `matched with ${partInWords(post)}: ${rule}`);
    }
  }

  /** Notes that two variables have one name and are not one: nothing else will pair them. */
  keepApart(pre: Part, post: Part): void {
    this.apart.push({ pre, post });
    this.journal.note(
      post.symbol.name,
      () =>
        `not ${partInWords(pre)}: that is ${dataKind(pre.section)}, this is ${dataKind(post.section)}`,
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

/** Whether a wrong pair of these would make code work on the wrong variable. */
export function isState(part: Part): boolean {
  return (part.section.flags & SHF_WRITE) !== 0;
}

/** Parts whose static local's number says nothing about who they are. */
export function isNumbered(part: Part): boolean {
  return !part.isFunction && staticLocalBase(part.symbol.name) !== undefined;
}

export function isCorrelated(part: Part): boolean {
  if (part.role === 'table' || part.role === 'ignored') return false;
  return !part.names.every((name) => isFresh(name.name));
}

export function partInWords(part: Part): string {
  return `${part.symbol.name} (${part.section.name})`;
}
