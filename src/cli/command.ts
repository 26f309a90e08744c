// What a subcommand is. Each has a file of its own in commands/, which exports it
// as `command` and is loaded only when it is called, so that a quick command does
// not load the modules that only a slow one needs.

import type { InferredOptionType } from 'yargs';
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

/** An argument or option, in yargs' own words. Help, the manual page and the types come from it. */
export interface Option {
  readonly type: 'string' | 'number' | 'boolean';
  readonly describe?: string;
  /** One letter. */
  readonly alias?: string;
  readonly array?: true;
  /** With `array`: how many words follow each time. */
  readonly nargs?: 1;
  readonly requiresArg?: true;
  readonly demandOption?: true;
  readonly choices?: readonly string[];
  readonly default?: string | number | boolean;
  readonly conflicts?: string;
  readonly implies?: string;
}

/** By name. Help shows them in this order. */
export type Options = Readonly<Record<string, Option>>;

/** What yargs makes of a command line with these options. */
export type Values<O extends Options> = { readonly [K in keyof O]: InferredOptionType<O[K]> };

/** What it makes of the positionals: those in <> are there. */
type Positionals<U extends string, P extends Options> = {
  readonly [K in keyof P]: U extends `${string}<${K & string}>${string}`
    ? NonNullable<Values<P>[K]>
    : Values<P>[K];
};

/** The options that every command has. */
export const commonOptions = {
  json: { type: 'boolean', describe: 'Print one JSON object on stdout' },
  verbose: { alias: 'v', type: 'boolean', describe: 'Report more details' },
  quiet: { alias: 'q', type: 'boolean', describe: 'Report only problems' },
} as const satisfies Options;

/** What `run` gets. */
type Args<U extends string, P extends Options, O extends Options> = Positionals<U, P> &
  Values<O> &
  Values<typeof commonOptions>;

/** All that is known of a command before it is called. */
interface Description<U extends string, P extends Options, O extends Options> {
  /** yargs command string: "undo <id>". */
  readonly usage: U;
  readonly describe: string;
  readonly positionals: P;
  readonly options: O;
  readonly examples: readonly (readonly [command: string, what: string])[];
}

export interface Command extends Description<string, Options, Options> {
  readonly run: (args: Record<string, unknown>, ui: Ui) => Promise<Outcome>;
}

/** Loads a command's file when it is called. */
export type Loader = () => Promise<{ readonly command: Command }>;

/** A command whose `run` gets what its own options say. */
export function defineCommand<U extends string, const P extends Options, const O extends Options>(
  command: Description<U, P, O> & {
    readonly run: (args: Args<U, P, O>, ui: Ui) => Promise<Outcome>;
  },
): Command {
  // yargs has read the line by these very options, so this is what it found.
  return { ...command, run: (args, ui) => command.run(args as Args<U, P, O>, ui) };
}
