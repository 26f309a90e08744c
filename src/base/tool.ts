// Starting compilers and make: in a known environment, stopped when the user
// stops us, with what they said kept for the error message.

import { spawn } from 'node:child_process';
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
  /** Told each line that the tool prints, on either stream. */
  readonly onLine?: (line: string) => void;
  /** Of `stdout` in the result: UTF-8 if not given. */
  readonly encoding?: BufferEncoding;
  /** Variables besides those that every tool gets. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ToolResult {
  readonly status: number;
  readonly stdout: string;
  /** Both streams as they came. */
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

/** The Debian package that has a program: `gcc-12` is in gcc-12. */
export function packageOf(program: string): string {
  return PACKAGE_OF[program] ?? program.replace(/^.*\//, '');
}

/**
 * Runs a program to its end.
 * @throws KspliceError `missing-tool` if it is not installed, `io` if its disk is
 *   full, `interrupted` if the user stops us meanwhile; an exit status is returned, not thrown
 */
export function runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<ToolResult> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(interrupted());
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...toolEnvironment(), ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const output: Buffer[] = [];
    let partial = '';
    const onChunk = (chunk: Buffer) => {
      output.push(chunk);
      if (!options.onLine) return;
      const lines = (partial + chunk.toString('utf8')).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) options.onLine(line);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      onChunk(chunk);
    });
    child.stderr.on('data', onChunk);
    // make removes its half-made targets and ends its own children on SIGTERM.
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    const finish = (settle: () => void) => {
      signal.removeEventListener('abort', stop);
      settle();
    };
    child.on('error', (error: NodeJS.ErrnoException) =>
      finish(() => reject(error.code === 'ENOENT' ? missing(program) : error)),
    );
    child.on('close', (code) =>
      finish(() => {
        if (signal.aborted) return reject(interrupted());
        const text = Buffer.concat(output).toString('utf8');
        // Whatever else it says then, it is neither the source's fault nor the patch's.
        if (code !== 0 && text.includes('No space left on device')) {
          return reject(diskFull(program));
        }
        resolve({
          status: code ?? 128,
          stdout: Buffer.concat(stdout).toString(options.encoding ?? 'utf8'),
          output: text,
        });
      }),
    );
  });
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

/**
 * Runs `work` for each of `items`, at most `jobs` at a time, in order of start.
 * The first failure is thrown after those under way have ended.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  jobs: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length && failures.length === 0) {
      const at = next++;
      try {
        results[at] = await work(items[at] as T);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, items.length)) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
