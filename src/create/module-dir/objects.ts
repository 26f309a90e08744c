// The objects of a module's directory: kbuild makes them all, as the module's
// author does; those that the patch can change are compiled again from the
// stored commands, at first with the names that their files had when the
// loaded module was built, and then by section.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { compileSectioned } from '../objects/pre-objects.js';
import { type CmdFile, ownersOf, parseCmdFile } from '../tree/cmd-file.js';
import { errorLines, type Kbuild, missingPackages, withoutDebugInfo } from '../tree/kbuild.js';
import type { Workspace } from '../tree/workspace.js';
import type { PreObject } from '../values.js';

/** Named by users of kbuild in the environment, which our tools do not get. */
const FROM_ENVIRONMENT = ['KBUILD_EXTRA_SYMBOLS'];

/**
 * Runs `make modules` in the copy of a module's directory.
 * @param flags the confdir's words for make
 * @throws KspliceError `compile-failed` with the compiler's lines, `missing-tool`, `unsupported-object`
 */
export async function makeModules(
  { tree, objects, jobs, headers }: Kbuild,
  flags: readonly string[],
  ui: Ui,
): Promise<void> {
  const args = ['-C', objects, `M=${tree}`, '--no-print-directory', `-j${jobs}`];
  // A symbol that only another module has is found, or not, when the new code is linked.
  args.push('KBUILD_MODPOST_WARN=1', ...flags, ...withoutDebugInfo(flags));
  for (const name of FROM_ENVIRONMENT) {
    if (process.env[name] !== undefined) args.push(`${name}=${process.env[name]}`);
  }
  const onLine = (line: string) => ui.detail(line);
  const result = await runTool('make', [...args, 'modules'], {
    cwd: tree,
    signal: ui.signal,
    onLine,
  });
  refuseLinkTime(tree);
  if (result.status === 0) return;
  const packages = missingPackages(result.output, headers.compiler);
  if (packages.length > 0) throw needsPackages(packages);
  const lines = errorLines(result.output, tree);
  throw new KspliceError(
    'compile-failed',
    `the unpatched module does not compile:\n${lines.slice(0, 30).join('\n')}`,
    {
      advice:
        'It is built with `make -C build M=DIR modules`, in a copy of the directory; files beside the directory are not copied. Put words for make into the flags file of the configuration.',
      details: { lines },
    },
  );
}

/** Without code in the objects kbuild may fail, at something that nobody would think of, or not. */
function refuseLinkTime(tree: string): void {
  const names = compiledObjects(tree, tree)
    .filter(({ made: { commands } }) => {
      const last = commands[0]?.findLast((word) => /^-f(no-)?lto\b/.test(word));
      return last?.startsWith('-flto');
    })
    .map(({ name }) => name);
  if (names.length === 0) return;
  throw new KspliceError(
    'unsupported-object',
    `the Makefile compiles with -flto, so the code is made only when the module is linked: ${names.join(', ')}`,
    {
      advice:
        'Take -flto out of ccflags-y, CFLAGS_NAME.o and the flags of the configuration if the loaded module was built without it; otherwise the module cannot be patched.',
      details: { objects: names },
    },
  );
}

function needsPackages(packages: readonly string[]): KspliceError {
  return new KspliceError('missing-tool', `building modules needs ${packages.join(', ')}`, {
    advice: `Install: apt-get install ${packages.join(' ')}`,
    details: { packages },
  });
}

/**
 * What makeModules() made of C and assembly files.
 * @param area where their sectioned objects will be
 */
export function compiledObjects(tree: string, area: string): PreObject[] {
  const entries = readdirSync(tree, { recursive: true, encoding: 'utf8' });
  return entries.sort().flatMap((entry) => {
    const [, stem] = /^\.(.+)\.o\.cmd$/.exec(basename(entry)) ?? [];
    // NAME.mod.o is modpost's own, and an object that is linked names no source.
    if (stem === undefined || stem.endsWith('.mod')) return [];
    const text = readFileSync(join(tree, entry), 'utf8');
    if (!/^source_/m.test(text)) return [];
    const name = join(dirname(entry), `${stem}.o`);
    const plain = join(tree, name);
    const made = fromAnywhere(parseCmdFile(text, join(tree, entry)), tree);
    const owners = ownersOf(made.commands[0] ?? []);
    return [{ name, target: plain, owners, made, plain, sectioned: join(area, 'sectioned', name) }];
  });
}

/** Options that a path is written behind, without a space. */
const BEFORE_PATH = /^-(?:I|Wp,-MMD,|iquote|isystem)(?=[^/-])/;

/**
 * Newer kbuilds work in the module's directory and name its files from there; others work in that of
 * the headers, and name them in full. All commands are repeated in that of the headers.
 */
function fromAnywhere(made: CmdFile, tree: string): CmdFile {
  if (isAbsolute(made.source)) return made;
  const isThere = (path: string) => !/^[-/]/.test(path) && existsSync(join(tree, path));
  const inFull = (word: string) => {
    const [option] = BEFORE_PATH.exec(word) ?? [];
    if (option !== undefined) return option + join(tree, word.slice(option.length));
    return isThere(word) ? join(tree, word) : word;
  };
  return {
    commands: made.commands.map(([program = '', ...args]) => [program, ...args.map(inFull)]),
    source: join(tree, made.source),
    dependencies: made.dependencies.map((path) => (isThere(path) ? join(tree, path) : path)),
  };
}

/**
 * Compiles objects again, plain and by section.
 * @param prefixOf what an owner's files are called in __FILE__, before their
 *   path in the directory
 */
export async function compileAgain(
  { kbuild }: Workspace,
  objects: readonly PreObject[],
  prefixOf: (owner: string) => string | undefined,
  ui: Ui,
): Promise<PreObject[]> {
  let done = 0;
  return await inParallel(objects, kbuild.jobs, async (object) => {
    const named = withPrefix(object, kbuild.tree, prefixOf(object.owners[0] ?? ''));
    for (const [program = '', ...args] of named.made.commands) {
      const result = await runTool(program, args, { cwd: kbuild.objects, signal: ui.signal });
      if (result.status !== 0) throw notAgain(object, errorLines(result.output, kbuild.tree));
    }
    await compileSectioned(kbuild, named, named.sectioned, ui);
    ui.progress(++done, objects.length, object.name);
    return named;
  });
}

/** __FILE__ is in the code: WARN() and pr_debug() name the file that the loaded module was made of. */
function withPrefix(object: PreObject, tree: string, prefix: string | undefined): PreObject {
  if (prefix === undefined) return object;
  const [compiler = [], ...others] = object.made.commands;
  const at = compiler.indexOf('-c');
  const map = `-fmacro-prefix-map=${tree}/=${prefix}`;
  const commands = [[...compiler.slice(0, at), map, ...compiler.slice(at)], ...others];
  return { ...object, made: { ...object.made, commands } };
}

function notAgain({ name }: PreObject, lines: readonly string[]): KspliceError {
  return new KspliceError('compile-failed', `${name}:\n${lines.join('\n')}`, {
    advice: 'kbuild compiled the object, but its command cannot be repeated; run again with -v.',
    details: { objects: [name], lines },
  });
}

/**
 * What the files of a module were called when it was built, found in the names
 * that the module has for its messages.
 * @param strings contents of the module's string sections, one byte a character
 * @param sources paths in the module's directory
 * @returns what stands before those paths: "net/sctp/", "/home/me/tunnel/";
 *   undefined if the module names none of its files
 */
export function filePrefix(strings: string, sources: readonly string[]): string | undefined {
  const longestFirst = sources.toSorted((a, b) => b.length - a.length);
  const count = new Map<string, number>();
  for (const string of strings.split('\0')) {
    // A header is called what the include path makes of it: "DIR/rx/../tunnel.h".
    const text = string === '' ? '' : normalize(string);
    const source = longestFirst.find((path) => text === path || text.endsWith(`/${path}`));
    if (source === undefined) continue;
    const prefix = text.slice(0, text.length - source.length);
    count.set(prefix, (count.get(prefix) ?? 0) + 1);
  }
  return [...count].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** C files and headers in a directory, by their paths in it. */
export function sourcesIn(tree: string): string[] {
  const entries = readdirSync(tree, { recursive: true, encoding: 'utf8' });
  return entries.filter((entry) => /\.[ch]$/.test(entry) && !entry.endsWith('.mod.c'));
}

/**
 * The Module.symvers files that modpost was given for a directory, and the one that it wrote.
 * @param objects the headers, whose own is not among them
 */
export function symversOf(tree: string, objects: string): string[] {
  const own = join(tree, 'Module.symvers');
  const command = join(tree, '.Module.symvers.cmd');
  const text = existsSync(command) ? readFileSync(command, 'utf8') : '';
  // The kernel's own is named relative to the headers, or, by newer kbuilds, in full.
  const given = [...text.matchAll(/ -i (\/\S+)/g)].map((match) => match[1] as string);
  const kernels = join(objects, 'Module.symvers');
  return [...given, own].filter((path) => path !== kernels && existsSync(path));
}
