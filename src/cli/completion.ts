// Completion for bash and zsh, from the descriptions of the commands, as the manual page: what
// a shell offers cannot differ from what the program takes.

import { commonOptions, type Option } from './command.js';
import { commandNames, loadCommand } from './commands.js';

/** For /usr/share/bash-completion/completions/ksplice-ts. */
export async function bashCompletion(): Promise<string> {
  const cases: string[] = [];
  for (const { name, options } of await described()) {
    cases.push(`    ${name}) options='${options.map(([word]) => word).join(' ')}' ;;`);
  }
  return `# Completion of ksplice-ts for bash; made from its commands.
_ksplice_ts() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= options= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || { command=$word; break; }
  done
  case $command in
    '') options='${commandNames.join(' ')} --help --version' ;;
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [[ -z $command || $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  fi
}
complete -o bashdefault -o default -F _ksplice_ts ksplice-ts
`;
}

/** For /usr/share/zsh/vendor-completions/_ksplice-ts. */
export async function zshCompletion(): Promise<string> {
  const commands: string[] = [];
  const cases: string[] = [];
  for (const { name, describe, options } of await described()) {
    commands.push(`    ${quoted(`${name}:${describe}`)}`);
    const specs = options.map(([word, { type, array, describe: what = '' }]) => {
      const more = array ? '*' : '';
      const value = type === 'boolean' ? '' : ':value:_files';
      return `        ${quoted(`${more}${word}[${what.replace(/[[\]\\:]/g, '\\$&')}]${value}`)}`;
    });
    cases.push(
      `    ${name})\n      _arguments \\\n${[...specs, "        '*:file:_files'"].join(' \\\n')} ;;`,
    );
  }
  return `#compdef ksplice-ts
# Completion of ksplice-ts for zsh; made from its commands.
_ksplice_ts() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
_ksplice_ts "$@"
`;
}

interface Described {
  readonly name: string;
  readonly describe: string;
  /** "--patch" and what it is. */
  readonly options: readonly (readonly [word: string, option: Option])[];
}

async function described(): Promise<Described[]> {
  const all: Described[] = [];
  for (const name of commandNames) {
    const command = await loadCommand(name);
    if (!command) continue;
    const options: Record<string, Option> = { ...command.options, ...commonOptions, help: HELP };
    const words = Object.entries(options).map(([word, option]) => [`--${word}`, option] as const);
    all.push({ name, describe: command.describe, options: words });
  }
  return all;
}

const HELP: Option = { type: 'boolean', describe: 'Show help' };

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
