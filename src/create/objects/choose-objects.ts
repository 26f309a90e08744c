// From changed files to the objects to compile, with a reason for each file that
// leads to no object.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { KspliceError, type Refusal, refusedChange } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import type { Ui } from '../../base/ui.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { Kbuild } from '../tree/kbuild.js';
import { KbuildLists } from '../tree/kbuild-lists.js';
import type { Workspace } from '../tree/workspace.js';
import type { ChosenObject } from '../values.js';
import { readIncludeGraph } from './includers.js';
import { missingOption, outsiders } from './left-out.js';
import { rulesOfNew } from './new-objects.js';
import { whyOutside } from './outside.js';
import { WantedTargets } from './wanted-targets.js';

/** Objects that one patched header may at most lead to; more is another kernel. */
const MOST_OBJECTS = 2000;
/** Above this many source files, reading all their Makefiles says nothing new. */
const MOST_SOURCES = 10_000;

/** Whether a file takes part in compiling the kernel. */
export function isCode({ kind }: PatchedFile): boolean {
  return kind === 'source' || kind === 'included';
}

/**
 * What can be said of a patch before anything is compiled.
 * @returns the files that take part in compiling the kernel
 * @throws KspliceError `no-changes` if there are none, `refused-change` if
 *   they are not compiled for the running kernel
 */
export function codeFiles(files: readonly PatchedFile[], ui: Ui): PatchedFile[] {
  const code = files.filter(isCode);
  const ofNewFiles = rulesOfNew(files);
  tellIgnored(
    files.filter((file) => !ofNewFiles.includes(file)),
    code.length,
    ui,
  );
  for (const { path } of ofNewFiles) {
    ui.warn(
      `${path}: only the build rules of new files are followed; other changes of build rules are ignored`,
    );
  }
  refuseOutside(code);
  return code;
}

/**
 * @param code changed files, by codeFiles()
 * @param lists kbuild's answers, to be kept where several patches are looked at
 * @param wanted objects that go into none of these are left out
 * @param added objects of files that are new
 * @returns the objects that have to be compiled before and after the patch
 * @throws KspliceError `not-in-kernel` if none of the files is part of this
 *   kernel, `refused-change`, `no-changes` if `wanted` leaves nothing
 */
export async function chooseObjects(
  code: readonly PatchedFile[],
  workspace: Workspace,
  ui: Ui,
  lists = new KbuildLists(workspace.kbuild, ui),
  wanted = new WantedTargets([]),
  added: readonly ChosenObject[] = [],
): Promise<ChosenObject[]> {
  const { kbuild } = workspace;
  const chosen = new Map<string, ChosenObject>(added.map((object) => [object.name, object]));
  const included: string[] = [];
  for (const file of code) {
    const object = file.kind === 'source' ? await lists.objectOf(file.path) : undefined;
    if (object && file.after === undefined) throw refusedChange([removal(file.path)]);
    if (object) chosen.set(object.name, { ...object, reason: `${file.path} is changed` });
    if (!object || isIncludedBesides(kbuild.tree, file.path)) {
      // A new file can only be reached through files that the patch changes too.
      if (file.before !== undefined) included.push(file.path);
    }
  }
  const through =
    included.length > 0 ? await objectsIncluding(included, workspace, lists, wanted, ui) : [];
  for (const object of through) {
    if (!chosen.has(object.name)) chosen.set(object.name, object);
  }
  if (chosen.size === 0) throw notInKernel(code, kbuild);
  return wanted.choose([...chosen.values()], ui);
}

function tellIgnored(files: readonly PatchedFile[], codeFiles: number, ui: Ui): void {
  const rules = files.filter((file) => file.kind === 'rules').map((file) => file.path);
  const other = files.filter((file) => file.kind === 'other').map((file) => file.path);
  if (codeFiles === 0) {
    throw new KspliceError('no-changes', 'No changes detected: the patch changes no kernel code', {
      advice:
        rules.length > 0
          ? `A running kernel's configuration and build rules are fixed: ${rules.join(', ')}.`
          : `These files never get into this kernel: ${other.join(', ')}.`,
      details: { files: [...rules, ...other] },
    });
  }
  for (const path of rules) ui.warn(`${path}: build rules are not changed on a running kernel`);
  for (const path of other) ui.detail(`${path} does not get into this kernel`);
}

function refuseOutside(code: readonly PatchedFile[]): void {
  const refusals = code.flatMap(({ path }) => {
    const reason = whyOutside(path);
    const advice = 'Leave these files out of the patch; changing them needs a reboot.';
    return reason ? [notKernelCode(path, reason, advice)] : [];
  });
  if (refusals.length > 0) throw refusedChange(refusals);
}

function notKernelCode(path: string, reason: string, advice: string): Refusal {
  const message = `${path}: ${reason}`;
  return { code: 'not-kernel-code', object: path, symbol: '', message, advice };
}

/** Whether another file of the same directory includes this .c file: kernel/sched/rt.c. */
function isIncludedBesides(tree: string, path: string): boolean {
  const directory = join(tree, dirname(path));
  if (!path.endsWith('.c') || !existsSync(directory)) return false;
  const name = basename(path).replace(/[.+]/g, '\\$&');
  const pattern = new RegExp(`^[ \\t]*#[ \\t]*include[ \\t]+"${name}"`, 'm');
  return readdirSync(directory)
    .filter((other) => other.endsWith('.c') && other !== basename(path))
    .some((other) => pattern.test(readFileSync(join(directory, other), 'latin1')));
}

async function objectsIncluding(
  files: readonly string[],
  { kbuild, area }: Workspace,
  lists: KbuildLists,
  wanted: WantedTargets,
  ui: Ui,
): Promise<ChosenObject[]> {
  ui.stage(`looking for files that include ${files.join(', ')}`);
  const graph = await readIncludeGraph(
    kbuild.tree,
    join(area, 'includes'),
    join(area, 'index'),
    ui,
  );
  const sources = graph.sourcesOf(files);
  ui.detail(`${sources.size} files may include them`);
  for (const line of outsiders(kbuild.tree, sources)) ui.warn(line);
  if (wanted.isAll && sources.size > MOST_SOURCES)
    throw tooMany(files, `${sources.size} source files`);
  const found = await inParallel([...sources], kbuild.jobs, async ([source, way]) => {
    const object = await lists.objectOf(source);
    return object && { ...object, reason: `${source} includes ${way.join(', which includes ')}` };
  });
  const objects = found.filter((object) => object !== undefined);
  const inKernel = objects.filter(({ name }) => whyOutside(name) === undefined);
  const count = inKernel.filter((object) => wanted.includes(object)).length;
  if (count > MOST_OBJECTS) throw tooMany(files, `${count} objects`);
  return inKernel;
}

function tooMany(files: readonly string[], count: string): KspliceError {
  const object = files.join(', ');
  const refusal = {
    code: 'too-many-objects',
    object,
    symbol: '',
    message: `${object} is part of up to ${count}; at most ${MOST_OBJECTS} objects are handled`,
    advice:
      'Name the targets that need the fix (vmlinux or modules) with --only-targets; or put the changed inline function or macro into their source files, and leave the header as it is.',
    count,
  } as const;
  return refusedChange([refusal]);
}

/** A file of code that the patch removes. */
export function removal(path: string): Refusal {
  return {
    code: 'file-removed',
    object: path,
    symbol: '',
    message: `the patch removes ${path}`,
    advice: 'Code cannot be removed from a running kernel: change its callers instead.',
  };
}

/** Whether the Makefile beside a file compiles it to a program that the build runs. */
function isBuildProgram(tree: string, path: string): boolean {
  const makefile = join(tree, dirname(path), 'Makefile');
  const text = existsSync(makefile) ? readFileSync(makefile, 'utf8') : '';
  const name = basename(path).replace(/\.c$/, '').replace(/[.+]/g, '\\$&');
  return new RegExp(`^hostprogs.*[\\s=]${name}(\\s|$)`, 'm').test(text);
}

function notInKernel(code: readonly PatchedFile[], kbuild: Kbuild): KspliceError {
  const paths = code.map((file) => file.path);
  const programs = paths.filter((path) => isBuildProgram(kbuild.tree, path));
  if (programs.length > 0) {
    const advice =
      'Its output is in the kernel, the program itself is not. Patch the code that uses the output.';
    return refusedChange(
      programs.map((path) => notKernelCode(path, 'a program of the build', advice)),
    );
  }
  const missing = paths.flatMap((path) => missingOption(path, kbuild) ?? []);
  const options =
    missing.length > 0
      ? `Not set in its configuration: ${[...new Set(missing)].join(', ')}.`
      : 'Check the configuration option that the Makefile beside the file names.';
  const created = code.filter((file) => file.before === undefined).map((file) => file.path);
  return new KspliceError(
    'not-in-kernel',
    `${paths.join(', ')}: not part of ${kbuild.headers.release} as it is configured`,
    {
      advice:
        created.length > 0
          ? `kbuild makes no object of ${created.join(', ')}: let the patch change the Makefile beside it, too, or put new code into a file that exists.`
          : `The running kernel has no code of these files: it needs no patch for them. ${options}`,
      details: { files: paths },
    },
  );
}
