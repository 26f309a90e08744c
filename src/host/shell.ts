// One shell for all that takes another program: it holds the lock and runs insmod
// and rmmod. (To start a process from one of Node's size takes longer than insmod itself,
// the more so on a small or emulated host.)
//
// The shell reads our pipe. When our process is gone, killed or not, the shell
// finishes its present command. Then it reads the end of the pipe and exits, and
// the lock is released.

import { execa } from 'execa';
import { KspliceError } from '../base/errors.js';
import { cannotLock, flockArguments, TAKEN } from '../base/flock.js';
import { programEnvironment } from './environment.js';

/** What a command came to. */
export interface Answer {
  readonly status: number;
  /** Its stdout and stderr, trimmed. */
  readonly said: string;
}

/** In seconds: after a kill the former holder needs a moment to notice. */
const PATIENCE = 2;

const OPTIONS = {
  stdin: 'pipe',
  stdout: 'pipe',
  stderr: 'ignore',
  extendEnv: false,
  reject: false,
  // Its answers are read as they come, and are many in the end.
  buffer: false,
  // Ctrl-C is for us: a module is loaded or not, and what follows must know which.
  detached: true,
  // It ends by itself when we are gone: see above.
  cleanup: false,
} as const;
const startFlock = (args: readonly string[]) =>
  execa('flock', args, { ...OPTIONS, env: programEnvironment() });

export class Shell {
  private heard = '';
  private gone = false;
  private notify = () => {};

  private readonly ended: Promise<number | undefined>;

  private constructor(private readonly process: ReturnType<typeof startFlock>) {
    // Node keeps a letter whole whose bytes come one by one.
    process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.heard += text;
      this.notify();
    });
    // It may be gone when we write; its answer, that does not come, tells.
    process.stdin.on('error', () => {});
    this.ended = process.then(({ exitCode }) => exitCode);
    this.ended.then(() => {
      this.gone = true;
      this.notify();
    });
  }

  /**
   * Starts the shell, which holds the lock until `end`.
   * @param lock a file that exists
   * @param patience for how long it may be held by another one, in seconds
   * @throws KspliceError `busy` if another one holds the lock, `missing-tool`
   */
  static async start(lock: string, patience = PATIENCE): Promise<Shell> {
    const args = [...flockArguments(patience), '--no-fork', lock, 'sh'];
    const shell = new Shell(startFlock(args));
    try {
      await shell.command(':');
      return shell;
    } catch {
      if ((await shell.ended) === TAKEN) {
        throw new KspliceError('busy', 'another ksplice-ts is at work', {
          advice: 'Wait until it is done, and try again.',
        });
      }
      throw cannotLock(lock);
    }
  }

  /**
   * Runs a program with one argument and waits for it.
   * @throws KspliceError `load-failed` if the shell is gone
   */
  async run(program: string, argument: string): Promise<Answer> {
    return this.command(`${program} '${argument.replaceAll("'", `'\\''`)}'`);
  }

  /** Lets go of the lock. */
  async end(): Promise<void> {
    this.process.stdin.end();
    await this.ended;
  }

  private async command(text: string): Promise<Answer> {
    this.heard = '';
    this.process.stdin.write(`${text} </dev/null 2>&1; printf '\\0%d\\n' $?\n`);
    for (;;) {
      const [, said, status] = /^([^\0]*)\0(\d+)\n$/.exec(this.heard) ?? [];
      if (said !== undefined) return { status: Number(status), said: said.trim() };
      if (this.gone) {
        throw new KspliceError('load-failed', 'the shell that loads the modules was killed');
      }
      await new Promise<void>((resolve) => {
        this.notify = resolve;
      });
    }
  }
}
