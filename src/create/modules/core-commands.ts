// What kbuild did to make the core, for other modules: its commands are stored beside
// the core's files, and with other names in them they make any module of this kernel.
// Walking through kbuild takes longer than what it then starts. Pure.

import { splitShell } from '../tree/cmd-file.js';

/** Commands of the core's build, one list of words each. */
type Commands = readonly (readonly string[])[];

/** What was done for one module, in the order of the steps. */
export interface CoreCommands {
  /** Makes an object of a C file. */
  readonly compile: Commands;
  /** Makes one object of the module's. */
  readonly link: Commands;
  readonly modpost: readonly string[];
  /** Makes an object of the C file that modpost wrote. */
  readonly compileRest: Commands;
  /** Makes the module. */
  readonly finish: Commands;
}

/** In place of the directory in which the core was built. */
const PLACE = '\0';
const UNIT = `${PLACE}/whole.o`;
const MODULE = `${PLACE}/ksplice`;

/**
 * @param read the text of a `.NAME.cmd` in the core's directory; undefined if there is none
 * @returns undefined if kbuild did it in a way that is not known here
 */
export function coreCommands(read: (name: string) => string | undefined): CoreCommands | undefined {
  const finish = read('.ksplice.ko.cmd');
  const place = /^(?:saved)?cmd_(\/.*)\/ksplice\.ko := /.exec(finish ?? '')?.[1];
  if (place === undefined) return undefined;
  const commandsIn = (name: string): Commands => {
    const line = (read(name) ?? '').split('\n', 1)[0] ?? '';
    const command = line
      .slice(line.indexOf(' := ') + 4)
      .replaceAll('$$', '$')
      .replaceAll('\\#', '#');
    // What modpost reads from its standard input is written to a file here.
    const simple = command.replace(/^\s*sed [^|]*\|/, '');
    return splitShell(simple.replaceAll(`${place}/`, `${PLACE}/`), name);
  };
  try {
    const commands = {
      compile: commandsIn('.whole.o.cmd'),
      link: commandsIn('.ksplice.o.cmd'),
      modpost: commandsIn('.Module.symvers.cmd')[0] ?? [],
      compileRest: commandsIn('.ksplice.mod.o.cmd'),
      finish: commandsIn('.ksplice.ko.cmd'),
    };
    return isKnown(commands) ? commands : undefined;
  } catch {
    return undefined;
  }
}

function isKnown({ compile, link, modpost, compileRest, finish }: CoreCommands): boolean {
  const has = (commands: Commands, ...words: string[]) =>
    words.every((word) => commands[0]?.includes(word));
  return (
    has(compile, '-c', '-DMODULE', UNIT, `${PLACE}/whole.c`) &&
    has(link, `@${MODULE}.mod`, `${MODULE}.o`) &&
    has([modpost], '-T', '-', '-i', `${PLACE}/Module.symvers`) &&
    // With -a it sums up the sources, of which there is no list here.
    !modpost.includes('-a') &&
    has(compileRest, `${MODULE}.mod.o`, `${MODULE}.mod.c`) &&
    has(finish, `${MODULE}.ko`, `${MODULE}.o`, `${MODULE}.mod.o`)
  );
}

/** The commands that make an object of a C file of a module. */
export function toCompile(
  { compile }: CoreCommands,
  directory: string,
  unit: string,
  module: string,
): string[][] {
  const names = { directory, unit, module };
  return compile.map((words, index) => {
    const renamed = inPlace(words, names).filter((word) => !word.startsWith('-DKSPLICE_'));
    if (index > 0) return renamed;
    const flags = renamed.indexOf('-DMODULE');
    // As templates/Kbuild has them.
    const own = [`-I${directory}`, `-Wa,-I${directory}`];
    return [...renamed.slice(0, flags), ...own, ...renamed.slice(flags)];
  });
}

/** The commands of another step for a module: its objects are named in DIRECTORY/MODULE.mod. */
export function toMake(
  commands: CoreCommands,
  step: 'link' | 'compileRest' | 'finish',
  directory: string,
  module: string,
): string[][] {
  return commands[step].map((words) => inPlace(words, { directory, unit: '', module }));
}

/**
 * The call of modpost.
 * @param list a file with the names of the modules' objects
 * @param symvers Module.symvers files of other modules that these use
 */
export function toModpost(
  { modpost }: CoreCommands,
  directory: string,
  list: string,
  symvers: readonly string[],
): string[] {
  const words = inPlace(modpost, { directory, unit: '', module: '' });
  const from = words.indexOf('-T');
  const others = symvers.flatMap((file) => ['-i', file]);
  return [...words.slice(0, from), ...others, '-T', list, ...words.slice(from + 2)];
}

interface Names {
  readonly directory: string;
  readonly unit: string;
  readonly module: string;
}

/** Words with the core's names replaced; what it is called is in no other words. */
function inPlace(words: readonly string[], { directory, unit, module }: Names): string[] {
  return words
    .filter((word) => !word.startsWith('-Wp,-M'))
    .map((word) => {
      if (!word.includes(`${PLACE}/`) && !/^-D(__)?KBUILD_/.test(word)) return word;
      const renamed = word.replace(/\bwhole\b|(?<=\b|kmod_)ksplice\b/g, (name) =>
        name === 'whole' ? unit : module,
      );
      return renamed.replaceAll(`${PLACE}/`, `${directory}/`);
    });
}
