// One bash in the guest that takes commands: what it has open, and its children, live through
// whatever is done to the kernel between two of them.

import type { Background, Guest } from '../vm/harness/index.js';

const LONGEST_MS = 60_000;

export class Shell {
  #commands = 0;
  #read = 0;
  readonly #bash: Background;

  constructor(guest: Guest) {
    this.#bash = guest.spawn('exec bash');
  }

  /** Runs commands, whatever their status; what they print, without the last newline. */
  async run(commands: string): Promise<string> {
    const end = `--end of ${this.#commands++}--`;
    this.#bash.write(`{ ${commands}\n} 2>&1 </dev/null; printf '%s\\n' '${end}'\n`);
    await this.#bash.output(new RegExp(end), LONGEST_MS);
    const text = this.#bash.stdout.slice(this.#read);
    this.#read = this.#bash.stdout.length;
    return text.slice(0, text.indexOf(end)).trimEnd();
  }

  /** Ends it, with its children. */
  close(): void {
    this.#bash.kill('SIGKILL');
  }
}
