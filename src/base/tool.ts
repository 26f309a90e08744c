// Starting compilers and make: in a known environment, stopped when the user
// stops us, with what they said kept for the error message.

import { constants } from 'node:buffer';
import { execa } from 'execa';
import { diskFull, KspliceError } from './errors.js';

/** Which Debian package has a program, for the advice when it is missing. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  make: 'make',
  grep: 'grep',
  bash: 'bash',
  ld: 'binutils',
  sh: 'dash',
};

export interface ToolOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Told each line that the tool prints, on either stream. Lines are text: not with `latin1`. */
  readonly onLine?: (line: string) => void;
  /** Told what the tool prints on stdout, as it comes; none of it is in the result then. */
  readonly onData?: (data: Buffer) => void;
  /** Of `stdout` in the result: text if not given, or one byte a character. */
  readonly encoding?: 'utf8' | 'latin1';
  /** Variables besides those that every tool gets. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ToolResult {
  readonly status: number;
  readonly stdout: string;
  /** Both streams as they came, in whole lines where `onLine` was told of them. */
  readonly output: string;
}

// What could change the compiler's output or kbuild's mind must not leak in
// from the user's shell; messages must be the ones that we know.
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'USER', 'LOGNAME', 'CCACHE_DIR', 'CCACHE_DISABLE'];

function toolEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C', LANG: 'C' };
  for (const name of PASSED_ON) if (process.env[name] !== undefined) env[name] = process.env[name];
  return env;
}

/** Status of a tool that a signal ended. */
const KILLED = 128;

/** The Debian package that has a program: `gcc-12` is in gcc-12. */
export function packageOf(program: string): string {
  return PACKAGE_OF[program] ?? program.replace(/^.*\//, '');
}

/**
 * Runs a program to its end.
 * @throws KspliceError `missing-tool` if it is not installed, `io` if its disk is
 *   full, `interrupted` if the user stops us meanwhile; an exit status is returned, not thrown
 */
export async function runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<ToolResult> {
  const { signal, onLine, onData, encoding = 'utf8' } = options;
  if (signal.aborted) throw interrupted();
  const child = execa(program, args, {
    cwd: options.cwd,
    env: { ...toolEnvironment(), ...options.environment },
    extendEnv: false,
    stdin: 'ignore',
    all: onData === undefined,
    buffer: { stdout: onData === undefined },
    encoding,
    stripFinalNewline: false,
    maxBuffer: constants.MAX_STRING_LENGTH,
    reject: false,
    // make removes its half-made targets and ends its own children on SIGTERM.
    forceKillAfterDelay: false,
    // Many run with one signal, and Node warns of more than ten listeners.
    cancelSignal: AbortSignal.any([signal]),
  });
  let lines = '';
  const tell = async (from: 'stdout' | 'stderr') => {
    for await (const line of child.iterable({ from })) {
      lines += `${line}\n`;
      onLine?.(String(line));
    }
  };
  if (onData) child.stdout.on('data', onData);
  if (onLine) await Promise.all([tell('stdout'), tell('stderr')]);
  const done = await child;
  if (signal.aborted) throw interrupted();
  if (done.code === 'ENOENT') throw missing(program);
  if (done.exitCode === undefined && done.signal === undefined) throw done;
  // The two streams may meet in the middle of a line, or of a letter; lines are whole.
  const output = onLine ? lines : Buffer.from(done.all ?? done.stderr, encoding).toString();
  // Whatever else it says then, it is neither the source's fault nor the patch's.
  if (done.exitCode !== 0 && output.includes('No space left on device')) throw diskFull(program);
  return { status: done.exitCode ?? KILLED, stdout: done.stdout ?? '', output };
}

/** The error for work that the user stopped. */
export function interrupted(): KspliceError {
  return new KspliceError('interrupted', 'interrupted', {
    advice: 'Nothing was left behind; the caches are kept.',
  });
}

function missing(program: string): KspliceError {
  return new KspliceError('missing-tool', `${program} is not installed`, {
    advice: `Install the Debian package ${packageOf(program)}.`,
  });
}
