// The result of matching: the inferred values, and the mismatches.

export type MatchCause =
  /** Other bytes than expected. */
  | 'differs'
  | 'unreadable'
  /** The target has no symbol of that name. */
  | 'not-found'
  /** Several places fit, and nothing decides between them. */
  | 'ambiguous'
  /** Two places want different values of one key. */
  | 'inconsistent'
  /** A value that kallsyms does not have for the name. */
  | 'not-a-symbol';

export interface Mismatch {
  readonly cause: MatchCause;
  /** The object file. */
  readonly object: string;
  /** Name of the function or symbol, or label of the data. */
  readonly span: string;
  /** Of the difference, in bytes from the start of the span. */
  readonly offset: number;
  /** Run-time address of the difference, if there is one. */
  readonly address: bigint | undefined;
  /** Up to 8 bytes; of `inconsistent` and `not-a-symbol` a little-endian value. */
  readonly expected: Uint8Array;
  /** The same of the running kernel; undefined if nothing could be read. */
  readonly found: Uint8Array | undefined;
}

export interface MatchResult {
  readonly ok: boolean;
  /** Run-time address of each span; undefined if it has no place. */
  readonly addresses: readonly (bigint | undefined)[];
  /** Run-time value of each key; undefined if nothing told it. */
  readonly values: readonly (bigint | undefined)[];
  readonly mismatches: readonly Mismatch[];
  /** Spans, none of them replaced, whose place never became known. */
  readonly unverified: number;
}
