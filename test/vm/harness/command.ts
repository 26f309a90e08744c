// A command that runs in the guest.

import type { AgentMessage, Channel, Exit } from './channel.js';

export interface RunOptions {
  /** for `run` and `ok`: the command is killed and the wait fails after this time; 60 s when absent */
  timeoutMs?: number;
  cwd?: string;
  env?: Record<string, string>;
  /** standard input; empty when absent */
  input?: string;
}

/** A command that has ended. */
export interface Finished {
  /** exit status; null after a signal */
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** wall time in milliseconds, seen from the host */
  ms: number;
}

/** `wait`, bounded by a time and by the life of the guest; `what` is the error's sentence. */
type Within = <T>(wait: Promise<T>, timeoutMs: number, what: string) => Promise<T>;

/** A command in the guest whose output can be watched while it runs. */
export class Background {
  readonly #command: string;
  readonly #channel: Channel;
  readonly #within: Within;
  readonly #id: number;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #exit: Promise<Exit>;
  readonly #watchers = new Set<() => void>();
  readonly #started = performance.now();
  #ms = 0;
  #settle: (exit: Exit) => void = () => {};

  /** Use `guest.spawn`. */
  constructor(channel: Channel, within: Within, command: string, { cwd, env, input }: RunOptions) {
    this.#command = command;
    this.#channel = channel;
    this.#within = within;
    this.#exit = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#id = channel.request({ op: 'start', command, cwd, env }, (message) =>
      this.#hear(message),
    );
    if (input !== undefined) this.write(input);
    if (input !== undefined) this.end();
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** Writes to the standard input of the command. */
  write(data: string | Uint8Array): void {
    this.#channel.send({ op: 'input', id: this.#id, data: Buffer.from(data).toString('base64') });
  }

  /** Closes its standard input. */
  end(): void {
    this.#channel.send({ op: 'input', id: this.#id, end: true });
  }

  /** Sends a signal to the command and all that it started. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#channel.send({ op: 'kill', id: this.#id, signal });
  }

  /** Waits until the output of either kind matches. */
  async output(pattern: RegExp, timeoutMs = 60_000): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      const look = () => {
        if (!pattern.test(this.stdout) && !pattern.test(this.stderr)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
    const ended = this.#exit.then((): Promise<void> => {
      if (pattern.test(this.stdout) || pattern.test(this.stderr)) return Promise.resolve();
      throw new Error(`it ended\n${this.stdout}${this.stderr}`);
    });
    const what = `in the guest: ${this.#command}: no output like ${pattern}`;
    await this.#within(Promise.race([seen, ended]), timeoutMs, what);
  }

  /** Waits for its end. */
  async finished(timeoutMs = 60_000): Promise<Finished> {
    const what = `in the guest: ${this.#command}: not finished`;
    const exit = await this.#within(this.#exit, timeoutMs, what).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.stdout}${this.stderr}`);
    });
    if (exit.error !== undefined) throw new Error(`in the guest: ${exit.error}`);
    const { status = null, signal = null } = exit;
    return { status, signal, stdout: this.stdout, stderr: this.stderr, ms: this.#ms };
  }

  #hear({ stdout, stderr, exit }: AgentMessage): void {
    if (stdout !== undefined) this.#stdout.push(Buffer.from(stdout, 'base64'));
    if (stderr !== undefined) this.#stderr.push(Buffer.from(stderr, 'base64'));
    if (exit !== undefined) {
      this.#ms = performance.now() - this.#started;
      this.#channel.forget(this.#id);
      this.#settle(exit);
    }
    for (const look of [...this.#watchers]) look();
  }
}
