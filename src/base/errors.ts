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
  | 'bad-program'
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
  // check
  | 'no-match'
  | 'unreadable-kernel'
  // apply, view, undo
  | 'checks-failed'
  | 'wrong-kernel'
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
  | 'boot-incomplete';

export interface ErrorOptions {
  /** What the user can do about it, in a sentence or two. */
  advice?: string;
  /** Anything a script may want: shown by --json, and by -v. */
  details?: unknown;
  cause?: unknown;
}

/** A refusal or failure with a code, a message for a person, and advice. */
export class KspliceError extends Error {
  readonly code: ErrorCode;
  readonly advice: string;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KspliceError';
    this.code = code;
    this.advice = options.advice ?? '';
    this.details = options.details ?? null;
  }

  /** Process exit status: 2 for a wrong call, 66 for "no changes", otherwise 1. */
  get exitStatus(): number {
    if (this.code === 'usage') return 2;
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
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly advice?: string;
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

function several(problems: readonly Problem[]): string {
  return `: ${problems.length} problems`;
}

/** The `details.problems` of an error; none if it has no such list. */
export function problemsOf(details: unknown): readonly Problem[] {
  const problems = (details as { problems?: unknown } | null)?.problems;
  return Array.isArray(problems) ? problems : [];
}

/** The problems of an error one by one, each with the summary of all; the error itself if it is one. */
export function separateProblems(error: KspliceError): Problem[] {
  const { code, message, advice } = error;
  const problems = problemsOf(error.details);
  if (problems.length < 2) return [{ code, message, advice }];
  const [summary] = message.split(several(problems));
  return problems.map((one) => ({ ...one, message: `${summary}: ${one.message}` }));
}
