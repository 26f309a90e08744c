// What differs, in words.

import type { Mismatch } from '../match/interpret.js';

/** One thing that is not as the update expects; the fields a script may want. */
export interface Difference {
  readonly target: string;
  readonly message: string;
  /** '' if it is not about one. */
  readonly function: string;
  readonly object?: string;
  readonly cause?: string;
  /** In bytes from the function's start. */
  readonly offset?: number;
  /** Hexadecimal. */
  readonly address?: string;
  readonly expected?: string;
  readonly found?: string;
}

/** One sentence for each mismatch. */
export function describeMismatches(target: string, mismatches: readonly Mismatch[]): Difference[] {
  return mismatches.map((mismatch) => ({
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
