// The command line, read with yargs. yargs never prints or exits here: help
// comes back as text and a wrong call as a `usage` error, because with --json
// both have to become one object on stdout.

import yargs, { type Argv } from 'yargs';
import { KspliceError } from '../base/errors.js';
import { type Command, commonOptions, type Options } from './command.js';
import { commandNames, loadCommand } from './commands.js';

/** What the user asked for. */
export type Request =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly command: Command; readonly args: Record<string, unknown> };

/** The options that every command has; known before the line is parsed, for errors in it. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** Looks for the options that decide how even a usage error is told. */
export function globalOptions(argv: readonly string[]): GlobalOptions {
  const end = argv.indexOf('--');
  const options = end < 0 ? argv : argv.slice(0, end);
  const short = (letter: string) =>
    options.some((arg) => /^-[vqh]+$/.test(arg) && arg.includes(letter));
  return {
    json: options.includes('--json'),
    verbose: options.includes('--verbose') || short('v'),
    quiet: options.includes('--quiet') || short('q'),
  };
}

/**
 * Reads a command line (without node and script).
 * @throws KspliceError `usage`
 */
export async function parseCommandLine(argv: readonly string[]): Promise<Request> {
  // Every option that may come before the command is a switch, so the first
  // other word is the command.
  const name = argv.find((arg) => !arg.startsWith('-'));
  if (name === undefined) return withoutCommand(argv);
  const command = await loadCommand(name);
  if (!command) {
    throw usageError(`there is no command "${name}"`, `Commands: ${commandNames.join(', ')}.`);
  }
  return withCommand(argv, name, command);
}

async function withoutCommand(argv: readonly string[]): Promise<Request> {
  if (argv.includes('--version')) return { kind: 'version' };
  const parser = addCommonOptions(newParser('ksplice-ts').usage('ksplice-ts <command> [options]'));
  for (const name of commandNames) {
    const command = await loadCommand(name);
    if (command) parser.command(command.usage, command.describe, {}, () => {});
  }
  for (const [example, what] of TOP_EXAMPLES) parser.example(example, what);
  const { output } = await parse(parser.strictOptions(), argv);
  if (output !== '' || argv.length === 0) {
    return { kind: 'help', text: output || (await parser.getHelp()) };
  }
  throw usageError('no command given', `Commands: ${commandNames.join(', ')}.`);
}

async function withCommand(
  argv: readonly string[],
  name: string,
  command: Command,
): Promise<Request> {
  // To yargs it is the default command of a program "ksplice-ts NAME": for any
  // other, yargs composes the help text on each call, which is a third of all
  // that a short command does.
  const parser = newParser(`ksplice-ts ${name}`)
    .command(
      command.usage.replace(/^\S+/, '$0'),
      command.describe,
      (inner) => {
        for (const [key, positional] of Object.entries(command.positionals)) {
          inner.positional(key, positional);
        }
        for (const [example, what] of command.examples) inner.example(example, what);
        return addCommonOptions(inner.options(command.options));
      },
      () => {},
    )
    .version(false)
    .strict();
  const rest = argv.toSpliced(argv.indexOf(name), 1);
  const { args, output } = await parse(parser, rest, name);
  if (output !== '') return { kind: 'help', text: output };
  refuseOddValues(command, args, name);
  refuseTwice(command, rest, args, name);
  return { kind: 'run', command, args };
}

const TOP_EXAMPLES = [
  ['ksplice-ts configure conf', 'collect what create needs for the running kernel'],
  ['ksplice-ts create --patch fix.patch --config conf', 'make an update from a source patch'],
  ['sudo ksplice-ts apply ksplice-8c4rnqv2.tar.gz', 'hot-patch the running kernel'],
  ['sudo ksplice-ts undo 8c4rnqv2', 'restore the old code'],
] as const;

function newParser(program: string): Argv {
  return yargs([])
    .scriptName(program)
    .locale('en')
    .exitProcess(false)
    .parserConfiguration({
      // An update's id may look like a number ("12345678", "1e5").
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
      'dot-notation': false,
    })
    .help('help')
    .alias('h', 'help')
    .wrap(Math.min(100, process.stdout.columns ?? 100));
}

/** After a command's own options, so that help shows those first. */
function addCommonOptions(parser: Argv): Argv {
  const names = [...Object.keys(commonOptions), 'help'];
  return parser.options(commonOptions).group(names, 'Common options:');
}

async function parse(
  parser: Argv,
  argv: readonly string[],
  command?: string,
): Promise<{ args: Record<string, unknown>; output: string }> {
  let problem: string | undefined;
  let output = '';
  parser.fail((message, error) => {
    // yargs goes on after this and may find a second fault; the first is the one to tell.
    problem ??= message ?? error?.message ?? 'the command line is wrong';
  });
  const args = await parser.parseAsync([...argv], {}, (_error, _args, text) => {
    output = text;
  });
  if (problem?.startsWith('Not enough non-option arguments')) problem = 'an argument is missing';
  if (problem !== undefined) throw usageError(lowerFirst(problem), helpHint(command));
  return { args, output };
}

/** What yargs lets pass: an option without its value, one given twice, a word for a number. */
function refuseOddValues(command: Command, args: Record<string, unknown>, name: string): void {
  const hint = helpHint(name);
  const all: Options = { ...command.positionals, ...command.options };
  for (const [key, { type, array }] of Object.entries(all)) {
    const value = args[key];
    if (array || type === 'boolean' || value === undefined) continue;
    if (Array.isArray(value)) throw usageError(`--${key} is given more than once`, hint);
    if (value === '') throw usageError(`--${key} needs a value`, hint);
    if (Number.isNaN(value)) throw usageError(`--${key} needs a number`, hint);
  }
}

/** An argument may be given by its name as well (`view --id ID`), which yargs drops if both are. */
function refuseTwice(
  command: Command,
  argv: readonly string[],
  args: Record<string, unknown>,
  name: string,
): void {
  for (const [, argument = ''] of command.usage.matchAll(/[<[](\w+)[>\]]/g)) {
    const option = `--${argument}`;
    const at = argv.findIndex((word) => word === option || word.startsWith(`${option}=`));
    if (at === -1) continue;
    const value = argv[at] === option ? argv[at + 1] : argv[at]?.slice(option.length + 1);
    if (value === args[argument]) continue;
    const both = `${args[argument]} and ${option} ${value}`;
    throw usageError(`${argument} is given twice: ${both}`, helpHint(name));
  }
}

function helpHint(command?: string): string {
  return `Try \`ksplice-ts ${command ? `${command} ` : ''}--help\`.`;
}

function usageError(message: string, advice: string): KspliceError {
  return new KspliceError('usage', message, { advice });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
