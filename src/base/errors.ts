// Every refusal and failure that a user can meet is a KspliceError: a code from
// a closed list, what happened in one sentence, and what to do about it.
// Anything else that is thrown is a bug of ours.

/** All error codes; docs/errors.md says what each means. */
export type ErrorCode =
  // general
  | 'usage'
  | 'internal'
  | 'interrupted'
  | 'not-root'
  | 'io'
  | 'command-failed'
  | 'missing-tool'
  | 'writable-by-others'
  // ELF objects, archives, programs
  | 'bad-elf'
  | 'unsupported-object'
  | 'bad-archive'
  | 'bad-update'
  | 'bad-set'
  | 'bad-program'
  // trust
  | 'bad-policy'
  | 'untrusted'
  | 'not-allowed'
  | 'not-reproduced'
  // configure
  | 'no-headers'
  | 'no-source'
  | 'no-image'
  | 'bad-image'
  | 'bad-confdir'
  | 'kernel-mismatch'
  | 'wrong-compiler'
  // create
  | 'patch-failed'
  | 'not-in-kernel'
  | 'compile-failed'
  | 'refused-change'
  | 'unresolved-symbol'
  | 'no-changes'
  | 'not-proved'
  | 'nothing-made'
  // check
  | 'no-match'
  | 'unreadable-kernel'
  // apply, view, undo
  | 'checks-failed'
  | 'wrong-kernel'
  | 'not-in-set'
  | 'target-not-loaded'
  | 'already-applied'
  | 'not-applied'
  | 'base-missing'
  | 'stacked'
  | 'load-failed'
  | 'aborted'
  | 'busy'
  // install, uninstall, list, boot
  | 'already-installed'
  | 'not-installed'
  | 'boot-incomplete'
  // watch, clear
  | 'withdrawn'
  | 'not-withdrawn';

/** Why a change cannot be made on a running kernel; docs/errors.md says what each means. */
export type RefusalCode =
  // files
  | 'file-removed'
  | 'new-initcall'
  | 'new-module'
  | 'not-kernel-code'
  | 'too-many-objects'
  // one object
  | 'added-below'
  | 'ambiguous-static'
  | 'anonymous-data'
  | 'code-without-symbol'
  | 'collected-section'
  | 'data-changed'
  | 'data-kind'
  | 'data-resized'
  | 'function-moved'
  | 'init-referenced'
  | 'owner-changed'
  | 'set-at-boot'
  | 'unknown-section'
  // all objects of a target, or of the update
  | 'alias-moved'
  | 'layout-changed'
  | 'moved'
  | 'name-taken'
  | 'per-cpu-reserve'
  | 'reserved-text'
  | 'traced-text'
  // updates below
  | 'other-base'
  | 'other-series'
  | 'stacked-object';

/** The code of one problem of several. */
export type AnyCode = ErrorCode | RefusalCode;

/** Anything a script may want of an error. Each code has members of its own. */
export interface Details {
  /** Everything that is wrong, if several things may be. */
  readonly problems?: readonly Problem<AnyCode>[];
  readonly [member: string]: unknown;
}

export interface ErrorOptions {
  /** What the user can do about it, in a sentence or two. */
  advice?: string;
  /** Shown by --json, and by -v. */
  details?: Details;
  cause?: unknown;
}

/** A refusal or failure with a code, a message for a person, and advice. */
export class KspliceError extends Error {
  readonly code: ErrorCode;
  readonly advice: string;
  readonly details: Details | null;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KspliceError';
    this.code = code;
    this.advice = options.advice ?? '';
    this.details = options.details ?? null;
  }

  /** Process exit status: 2 for a wrong call, 66 for "no changes", 11 for "withdrawn", otherwise 1. */
  get exitStatus(): number {
    if (this.code === 'usage') return 2;
    if (this.code === 'withdrawn') return 11;
    return this.code === 'no-changes' ? 66 : 1;
  }
}

// What the system refuses that is neither our bug nor the user's patch.
const SYSTEM_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: make room',
  EDQUOT: 'Your disk quota is used up: make room',
  EROFS: 'That file system can only be read: mount it for writing',
  EACCES: 'Look at the permissions',
};
const ELSEWHERE = ', or name another place (KSPLICE_CACHE, --output).';
/** What is written there has no other place. */
const STATE = /^\/(run|var\/lib)\/ksplice\b/;

/** What was thrown; as an `io` failure with advice if it is the system that refused a file. */
export function explainIo(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof KspliceError) return thrown;
  const { code, message, path = '' } = thrown as NodeJS.ErrnoException;
  const what = SYSTEM_ADVICE[code ?? ''];
  if (what === undefined) return thrown;
  const advice = `${what}${STATE.test(path) ? '.' : ELSEWHERE}`;
  return new KspliceError('io', message, { advice, cause: thrown });
}

/** The failure of a program that had no room for its output. */
export function diskFull(program: string): KspliceError {
  return new KspliceError('io', `${program}: no space left on device`, {
    advice: `${SYSTEM_ADVICE.ENOSPC}${ELSEWHERE}`,
  });
}

/** One of several things found wrong in the same step. */
export interface Problem<Code extends AnyCode = ErrorCode> {
  readonly code: Code;
  readonly message: string;
  readonly advice?: string;
}

/** Why a change cannot be made on a running kernel. */
export interface Refusal extends Problem<RefusalCode> {
  /** The object file, as the caller named it; or a file of the source, or a target. */
  readonly object: string;
  /** Symbol or section, with +0xoffset where that says more. */
  readonly symbol: string;
  readonly advice: string;
}

/**
 * One error for everything that a step found wrong, so that a user does not
 * meet the problems one run after another. The command line prints the
 * problems one by one; --json has them as `details.problems`.
 * @param code used when there are several; a single one keeps its own
 * @param summary "the update cannot be applied"
 */
export function problemsError(
  code: ErrorCode,
  summary: string,
  problems: readonly Problem[],
): KspliceError {
  const [first] = problems;
  if (first && problems.length === 1) {
    const options = first.advice === undefined ? {} : { advice: first.advice };
    return new KspliceError(first.code, `${summary}: ${first.message}`, {
      ...options,
      details: { problems },
    });
  }
  return new KspliceError(code, `${summary}${several(problems)}`, { details: { problems } });
}

/**
 * The same for problems whose messages need no summary.
 * @param summary used when there are several
 * @param alone the message when there is one; that of the problem itself if not given
 */
export function listedError(
  code: ErrorCode,
  summary: string,
  problems: readonly Problem<AnyCode>[],
  alone = problems[0]?.message,
): KspliceError {
  const [first] = problems;
  const isAlone = problems.length === 1;
  const message = isAlone && alone !== undefined ? alone : `${summary}${several(problems)}`;
  const advice = (isAlone && first?.advice) || '';
  return new KspliceError(code, message, { advice, details: { problems } });
}

/** @param refusals whose messages say of themselves what they are about */
export function refusedChange(refusals: readonly Refusal[]): KspliceError {
  return listedError('refused-change', 'the running kernel cannot take this change', refusals);
}

function several(problems: readonly unknown[]): string {
  return `: ${problems.length} problems`;
}

/** The problems of an error one by one, each with the summary of all; the error itself if it is one. */
export function separateProblems(error: KspliceError): Problem<AnyCode>[] {
  const { code, message, advice } = error;
  const problems = error.details?.problems ?? [];
  if (problems.length < 2) return [{ code, message, advice }];
  const [summary] = message.split(several(problems));
  return problems.map((one) => ({ ...one, message: `${summary}: ${one.message}` }));
}
