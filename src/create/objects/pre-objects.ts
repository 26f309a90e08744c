// Pre objects: the code as the distribution built it. kbuild makes the plain
// object, the stored command is repeated to get the sectioned one. Both stay in
// the cache for as long as no file that they were made from has changed.

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KspliceError } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import { inParallel } from '../../base/parallel.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { count } from '../../base/words.js';
import type { PatchedFile } from '../change/patched-file.js';
import { ownersOf, parseCmdFile, sectioned } from '../tree/cmd-file.js';
import { isFromHeaders } from '../tree/from-headers.js';
import {
  errorLines,
  flagsForTypes,
  isOfClang,
  type Kbuild,
  withoutDebugInfo,
} from '../tree/kbuild.js';
import type { KbuildObject } from '../tree/kbuild-lists.js';
import { makeObjects, prepareRest } from '../tree/prepare.js';
import type { PreObject } from '../values.js';

/** Objects in one call of make: it says nothing before it is done with all. */
const BATCH = 50;

/** Whether the compiler read a file that the patch changes; candidates are an over-estimate. */
export function readsOneOf(
  object: PreObject,
  files: readonly Pick<PatchedFile, 'path'>[],
  tree: string,
): boolean {
  const read = new Set(object.made.dependencies.map((path) => normalize(path)));
  return files.some(({ path }) => read.has(join(tree, path)));
}

/**
 * Makes the pre objects that the cache does not have.
 * @param cache directory for the sectioned objects
 * @throws KspliceError `compile-failed` naming every object that kbuild cannot make
 */
export async function buildPreObjects<T extends KbuildObject>(
  kbuild: Kbuild,
  chosen: readonly T[],
  cache: string,
  ui: Ui,
): Promise<(T & PreObject)[]> {
  const missing = chosen.filter(({ name }) => !isCurrent(kbuild, cache, name));
  const known = new Set(missing);
  const untyped = chosen.filter((one) => !known.has(one) && !hasWhatIsNeeded(kbuild, cache, one));
  ui.detail(`pre objects: ${chosen.length - missing.length} cached, ${missing.length} to make`);
  if (missing.length > 0) await buildPlain(kbuild, missing, ui);
  const objects = chosen.map((object) => describe(kbuild, cache, object));
  const made = new Set([...missing, ...untyped].map(({ name }) => name));
  const fresh = objects.filter(({ name }) => made.has(name));
  if (fresh.length > 0) {
    ui.stage(`compiling ${count(fresh.length, 'object')} again, each function in its own section`);
  }
  let done = 0;
  await inParallel(fresh, kbuild.jobs, async (object) => {
    await compileSectioned(kbuild, object, object.sectioned, ui);
    writeStamp(kbuild, cache, object);
    ui.progress(++done, fresh.length, object.name);
  });
  return objects;
}

/** Whether an object and all that it was made from are as they were when its stamp was written. */
export function isCurrent(kbuild: Kbuild, cache: string, name: string): boolean {
  const stamp = stampFile(cache, name);
  if (!existsSync(stamp) || !existsSync(join(kbuild.objects, name))) return false;
  const signatures = readStamp(readFileSync(stamp, 'utf8'));
  // The last line of a stamp, so that one that was cut short is of no use.
  if (!signatures.has(join(cache, name))) return false;
  return [...signatures].every(([path, was]) => signature(kbuild, path) === was);
}

/** The files that a stamp names, with their signatures. */
function readStamp(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').filter((line) => line.includes(' '));
  return new Map(
    lines.map((line) => {
      const space = line.indexOf(' ');
      return [line.slice(space + 1), line.slice(0, space)];
    }),
  );
}

/**
 * The first line of a stamp: how sectioned objects are made by now, and whether this one has type
 * information.
 */
const FORM = 'unlinked';
const WITH_TYPES = `${FORM}+types`;

/** Whether a current object was made as it would be made now, with type information if that is needed. */
function hasWhatIsNeeded(kbuild: Kbuild, cache: string, { name }: KbuildObject): boolean {
  const [head] = readFileSync(stampFile(cache, name), 'utf8').split('\n', 1);
  return head === WITH_TYPES || (head === FORM && !kbuild.types);
}

/** Notes what an object and its sectioned one were made from. */
export function writeStamp(kbuild: Kbuild, cache: string, object: PreObject): void {
  const made = [object.name, cmdFileOf(object.name), object.sectioned];
  const files = [...object.made.dependencies, ...made];
  const lines = files.map((path) => `${signature(kbuild, path)} ${path}\n`);
  const head = kbuild.types ? WITH_TYPES : FORM;
  writeFileSync(stampFile(cache, object.name), `${head}\n${lines.join('')}`);
}

/** Tells versions of a file apart; "-" if it does not exist. */
function signature(kbuild: Kbuild, path: string): string {
  const file = isAbsolute(path) ? path : join(kbuild.objects, path);
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats ? `${stats.ino}:${stats.size}:${stats.mtimeMs}` : '-';
}

function stampFile(cache: string, name: string): string {
  return join(cache, `${name}.deps`);
}

function cmdFileOf(name: string): string {
  return join(dirname(name), `.${basename(name)}.cmd`);
}

async function buildPlain(kbuild: Kbuild, chosen: readonly KbuildObject[], ui: Ui): Promise<void> {
  const attempt = await tryPlain(kbuild, chosen, ui);
  if (attempt.failed.length === 0) return;
  const names = (objects: readonly KbuildObject[]) => objects.map(({ name }) => name);
  if (!isFromHeaders(kbuild)) throw preFailed(kbuild, names(attempt.failed), attempt.output);
  // It may need what only a whole preparation makes: a generated table, another tool.
  ui.detail(`not made with what the headers have: ${names(attempt.failed).join(', ')}`);
  ui.detail('kbuild prepares the work tree');
  await prepareRest(kbuild, ui);
  const second = await tryPlain(kbuild, attempt.failed, ui);
  if (second.failed.length > 0) throw preFailed(kbuild, names(second.failed), second.output);
}

async function tryPlain(
  kbuild: Kbuild,
  chosen: readonly KbuildObject[],
  ui: Ui,
): Promise<{ failed: KbuildObject[]; output: string }> {
  // make goes by times alone; a file that was replaced by an older one would pass.
  for (const { name } of chosen) {
    rmSync(join(kbuild.objects, name), { force: true });
    rmSync(join(kbuild.objects, cmdFileOf(name)), { force: true });
  }
  // kbuild reaches some directories of arch/x86 on two ways, and makes a single
  // object there twice; not at the same time, please.
  const [twice, once] = [true, false].map((arch) =>
    chosen.map(({ target }) => target).filter((target) => target.startsWith('arch/') === arch),
  ) as [string[], string[]];
  let output = '';
  let done = 0;
  for (const [targets, jobs] of [
    [once, kbuild.jobs],
    [twice, 1],
  ] as const) {
    for (let first = 0; first < targets.length; first += BATCH) {
      const batch = targets.slice(first, first + BATCH);
      const words = [...withoutDebugInfo(kbuild.headers.makeVariables), '-k', ...batch];
      output += (await makeObjects({ ...kbuild, jobs }, words, ui)).output;
      done += batch.length;
      ui.progress(done, chosen.length, batch.at(-1) as string);
    }
  }
  const failed = chosen.filter(({ name }) => !existsSync(join(kbuild.objects, name)));
  return { failed, output };
}

function preFailed(kbuild: Kbuild, failed: readonly string[], output: string): KspliceError {
  const lines = errorLines(output, kbuild.tree);
  return new KspliceError(
    'compile-failed',
    `the unpatched source does not compile: ${failed.join(', ')}\n${lines.slice(0, 30).join('\n')}`,
    {
      advice:
        'The file may not belong to this kernel: look at the Makefile beside it for the option that it depends on.',
      details: { objects: failed, lines },
    },
  );
}

function describe<T extends KbuildObject>(kbuild: Kbuild, cache: string, object: T): T & PreObject {
  const { name } = object;
  const cmdFile = join(kbuild.objects, cmdFileOf(name));
  const made = parseCmdFile(readFileSync(cmdFile, 'utf8'), cmdFile);
  return {
    ...object,
    owners: ownersOf(made.commands[0] ?? []),
    made,
    plain: join(kbuild.objects, name),
    sectioned: join(cache, name),
  };
}

/** The directory with the headers for patches: ksplice-patch.h and others. */
const HEADERS_OF_PATCHES = fileURLToPath(new URL('kmodsrc/include', packageRoot));
/** Those of them that stand for the kernel's own. */
const IN_PLACE_OF_KERNELS = join(HEADERS_OF_PATCHES, 'first');

/**
 * Repeats the commands that made an object, from the source as it is now.
 * @param output where the sectioned object goes
 * @throws KspliceError `compile-failed` with the compiler's lines
 */
export async function compileSectioned(
  kbuild: Kbuild,
  object: PreObject,
  output: string,
  ui: Ui,
): Promise<void> {
  mkdirSync(dirname(output), { recursive: true });
  // Assembly declares no types.
  const types = (kbuild.types || isOfClang(kbuild.headers)) && object.made.source.endsWith('.c');
  const debug = types ? flagsForTypes(kbuild.headers) : undefined;
  const commands = sectioned(object.made.commands, object.target, output, debug);
  for (const [index, [program = '', ...args]] of commands.entries()) {
    if (index === 0) {
      args.unshift('-I', IN_PLACE_OF_KERNELS);
      // After all others, so that it hides no header of theirs.
      args.push('-idirafter', HEADERS_OF_PATCHES);
    }
    const result = await runTool(program, args, { cwd: kbuild.objects, signal: ui.signal });
    const lines = errorLines(result.output, kbuild.tree);
    if (result.status !== 0) {
      throw new KspliceError('compile-failed', `${object.name}:\n${lines.join('\n')}`, {
        advice: 'Correct the patch so that the file compiles.',
        details: { objects: [object.name], lines },
      });
    }
    for (const line of lines) ui.detail(line);
  }
}
