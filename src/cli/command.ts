// What a subcommand is. Each has a file of its own in commands/, which exports it
// as `command` and is loaded only when it is called, so that a quick command does
// not load the modules that only a slow one needs.

import type { Argv } from 'yargs';
import type { ResultLine, Ui } from '../base/ui.js';

/** What a command has to say when it is done. */
export interface Outcome {
  /** The one object that --json prints; `"ok": true` is added. */
  readonly json: Record<string, unknown>;
  /** The lines that are printed otherwise, on stdout. */
  readonly text: readonly ResultLine[];
  /** 0 if not given. */
  readonly exitStatus?: number;
}

export interface Command {
  /** yargs command string: "undo <id>". */
  readonly usage: string;
  readonly describe: string;
  readonly options: (yargs: Argv) => Argv;
  readonly examples: readonly (readonly [command: string, what: string])[];
  readonly run: (args: Record<string, unknown>, ui: Ui) => Promise<Outcome>;
}
