// The manual page: its frame is man/ksplice-ts.1.in. Its text about commands and
// options is that of --help, so the two cannot differ.

import type { Command, Option } from './command.js';
import { commandNames, loadCommand } from './commands.js';

/**
 * The whole page.
 * @param frame with "@COMMANDS@" on a line of its own where the commands belong
 */
export async function manualPage(frame: string): Promise<string> {
  const sections: string[] = [];
  for (const name of commandNames) {
    const command = await loadCommand(name);
    if (command) sections.push(commandSection(command));
  }
  return frame.replace(/^@COMMANDS@\n/m, () => sections.join(''));
}

function commandSection(command: Command): string {
  const { positionals, options } = command;
  const words = command.usage.replace(/[<>]/g, '').toUpperCase().split(' ');
  words[0] = command.usage.split(' ', 1)[0] as string;
  const lines = [`.SS ${roff(words.join(' '))}`, `${roff(command.describe)}.`];
  for (const [name, { describe = '' }] of Object.entries(positionals)) {
    lines.push('.TP', `.I ${roff(name.toUpperCase())}`, `${roff(describe)}.`);
  }
  for (const [name, option] of Object.entries(options)) {
    lines.push('.TP', ...optionLines(name, option));
  }
  for (const [example, what] of command.examples) {
    lines.push('.PP', `${roff(upperFirst(what))}:`, '.br', `.B ${roff(example)}`);
  }
  return `${lines.join('\n')}\n`;
}

function optionLines(name: string, option: Option): string[] {
  const short = option.alias === undefined ? '' : `\\-${option.alias}, `;
  const value = option.type === 'boolean' ? '' : ` " " ${roff(VALUES[option.type])}`;
  const remarks = [
    ...(option.demandOption ? ['It is required.'] : []),
    ...(option.array ? ['It may be given more than once.'] : []),
    ...(option.default === undefined ? [] : [`The default is ${option.default}.`]),
  ];
  const text = [`${option.describe ?? ''}.`, ...remarks].join(' ');
  return [`.BI "${short}\\-\\-${roff(name)}"${value}`, roff(text)];
}

const VALUES = { string: 'WORD', number: 'N', boolean: '' } as const;

/** Text in which nothing is roff's. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('`', '\\(ga')
    .replace(/^[.']/gm, '\\&$&');
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
