// What differs, in words.

import type { MatchCause, Mismatch } from '../match/interpret.js';

/** One thing that is not as the update expects; the fields a script may want. */
export interface Difference {
  readonly target: string;
  readonly message: string;
  /** '' if it is not about one. */
  readonly function: string;
  readonly object?: string;
  readonly cause?: MatchCause;
  /** In bytes from the function's start. */
  readonly offset?: number;
  /** Hexadecimal. */
  readonly address?: string;
  readonly expected?: string;
  readonly found?: string;
}

/**
 * Strongest evidence first. A function of another length moves all that come
 * after it in its section: those are "inconsistent" though their code is equal.
 */
const WEIGHT: readonly MatchCause[] = [
  'differs',
  'not-found',
  'unreadable',
  'not-a-symbol',
  'ambiguous',
  'inconsistent',
];

/** One sentence for each mismatch, those that others follow from last. */
export function describeMismatches(target: string, mismatches: readonly Mismatch[]): Difference[] {
  const sorted = [...mismatches].sort((a, b) => WEIGHT.indexOf(a.cause) - WEIGHT.indexOf(b.cause));
  return sorted.map((mismatch) => ({
    target,
    message: describe(mismatch),
    function: mismatch.span,
    object: mismatch.object,
    cause: mismatch.cause,
    offset: mismatch.offset,
    ...(mismatch.address === undefined ? {} : { address: `0x${mismatch.address.toString(16)}` }),
    expected: hex(mismatch.expected),
    ...(mismatch.found === undefined ? {} : { found: hex(mismatch.found) }),
  }));
}

/** Names of the functions and data whose contents differ; of all that are meant if none does. */
export function differingNames(differences: readonly Difference[]): string[] {
  const own = differences.filter(({ cause }) => cause !== 'inconsistent');
  const names = (own.length > 0 ? own : differences).map((difference) => difference.function);
  return [...new Set(names)].filter((name) => name !== '');
}

function describe({ cause, object, span, offset, expected, found }: Mismatch): string {
  const place = `${object}: ${span}${offset > 0 ? `+0x${offset.toString(16)}` : ''}`;
  switch (cause) {
    case 'differs':
      return `${place}: expected ${hex(expected)}, found ${hex(found)}`;
    case 'unreadable':
      return `${place}: its memory cannot be read`;
    case 'not-found':
      return `${place}: there is no such symbol`;
    case 'ambiguous':
      return `${place}: several places fit, and nothing decides between them`;
    case 'inconsistent':
      return `${place}: refers to ${value(found)}, other code to ${value(expected)} for the same symbol`;
    case 'not-a-symbol':
      return `${object}: the code refers to ${value(found)} as ${span}, kallsyms has ${value(expected)}`;
  }
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex') || 'nothing';
}

function value(bytes: Uint8Array | undefined): string {
  return bytes?.length === 8 ? `0x${Buffer.from(bytes).readBigUInt64LE().toString(16)}` : 'nothing';
}
