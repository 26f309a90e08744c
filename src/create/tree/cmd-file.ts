// kbuild leaves a `.NAME.o.cmd` beside each object: the command that made it and
// the files that it was made from. This file is the authority on an object: flags,
// owner, dependencies. Pure.

import { KspliceError } from '../../base/errors.js';

export interface CmdFile {
  /** The commands, in order, each as words for execve: the compiler's first, then objtool's. */
  readonly commands: readonly (readonly string[])[];
  /** The source file. */
  readonly source: string;
  /** All files read, the source included; relative names are relative to the object tree. */
  readonly dependencies: readonly string[];
}

/**
 * @param text contents of the .cmd file
 * @param name for messages
 * @throws KspliceError `unsupported-object` if it is not what kbuild writes
 */
export function parseCmdFile(text: string, name: string): CmdFile {
  const joined = text.replaceAll('\\\n', ' ').split('\n');
  const command = variable(joined, 'savedcmd') ?? variable(joined, 'cmd');
  const source = variable(joined, 'source');
  if (command === undefined || source === undefined) {
    throw unsupported(name, 'it names no command or no source');
  }
  const dependencies = [source];
  // A wildcard() entry is a file that exists only while an option is set.
  const listed = (variable(joined, 'deps') ?? '').replace(/\$\(wildcard ([^)]*)\)/g, '$1');
  for (const path of listed.split(/\s+/)) if (path !== '') dependencies.push(path);
  // make's own quoting: $$ and \#.
  const shell = command.replaceAll('$$', '$').replaceAll('\\#', '#');
  return { commands: splitShell(shell, name), source, dependencies };
}

function variable(lines: readonly string[], kind: string): string | undefined {
  const line = lines.find((candidate) => candidate.startsWith(`${kind}_`));
  const at = line?.indexOf(' := ') ?? -1;
  return line !== undefined && at > 0 ? line.slice(at + 4).trim() : undefined;
}

/** Splits a shell command line of simple commands; anything cleverer is refused. */
export function splitShell(line: string, name: string): string[][] {
  const commands: string[][] = [[]];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) commands.at(-1)?.push(word);
    word = undefined;
  };
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (char === "'" || char === '"') {
      const end = closingQuote(line, at);
      if (end < 0) throw unsupported(name, 'a quote is not closed');
      const inner = line.slice(at + 1, end);
      word = (word ?? '') + (char === '"' ? inner.replace(/\\(["\\$`])/g, '$1') : inner);
      at = end;
    } else if (char === '\\') word = (word ?? '') + (line[++at] ?? '');
    else if (/\s/.test(char)) endWord();
    else if (char === ';' || line.startsWith('&&', at)) {
      endWord();
      commands.push([]);
      if (char === '&') at++;
    } else if ('|&<>()`$'.includes(char)) throw unsupported(name, `it has a ${char}`);
    else word = (word ?? '') + char;
  }
  endWord();
  return commands.filter((words) => words.length > 0);
}

function closingQuote(line: string, start: number): number {
  const quote = line[start];
  for (let at = start + 1; at < line.length; at++) {
    if (quote === '"' && line[at] === '\\') at++;
    else if (line[at] === quote) return at;
  }
  return -1;
}

function unsupported(name: string, why: string): KspliceError {
  return new KspliceError('unsupported-object', `cannot repeat the command in ${name}: ${why}`, {
    advice: 'Only objects that kbuild makes with one compiler call can be patched.',
  });
}

/** Which module an object is linked into, by what kbuild tells the compiler. */
export function ownersOf(command: readonly string[]): string[] {
  if (!command.includes('-DMODULE')) return ['vmlinux'];
  const define = command.find((word) => word.startsWith('-DKBUILD_MODNAME='));
  // An object that several modules share is compiled with all their names.
  const names = (define?.slice('-DKBUILD_MODNAME='.length) ?? '').replaceAll('"', '').split(':');
  return names.filter((name) => name !== '');
}

/**
 * The same commands with the code in a section for each function and datum, to another
 * output file. Where objtool makes its tables only for what is linked, such as a module of one
 * object, it is left out: it makes those of the new code when that is linked, and skips code
 * that has tables already.
 * @param object the object's name in the commands
 * @param debug flags for debug information, which changes no code
 */
export function sectioned(
  commands: readonly (readonly string[])[],
  object: string,
  output: string,
  debug: readonly string[] = ['-g0'],
): string[][] {
  const own = commands.filter((words, index) => index === 0 || !words.includes('--link'));
  return own.map((words, index) => {
    const renamed = words.map((word) => (word === object ? output : word));
    if (index > 0) return renamed;
    const kept = renamed.filter((word) => !word.startsWith('-Wp,-M'));
    // An assembler has no use for them, and clang refuses what it has no use for.
    const isAssembly = words.at(-1)?.endsWith('.S') ?? false;
    const sections = [...(isAssembly ? [] : ['-ffunction-sections', '-fdata-sections']), ...debug];
    // After the object's own flags: some files say -fno-function-sections.
    return [...kept.slice(0, kept.indexOf('-c')), ...sections, ...kept.slice(kept.indexOf('-c'))];
  });
}
