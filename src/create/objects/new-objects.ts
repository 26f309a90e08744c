// Source files that a patch adds, and its build rules add to a target: new objects.
//
// The differ compares two objects. The old one is made of the new file with nothing in
// it, so that all of the new object is new code. kbuild tells which objects the rules
// make, in a work tree that has the changed rules for the time being.

import { join } from 'node:path';
import { type Refusal, refusedChange } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import type { Ui } from '../../base/ui.js';
import { relocationsIn, wholeSection } from '../../diff/extents.js';
import type { ObjectDiff } from '../../diff/object-diff.js';
import { Parts } from '../../diff/parts.js';
import { findTarget } from '../../diff/targets.js';
import type { PatchedFile } from '../change/patched-file.js';
import { UndoStack } from '../invocation/undo-stack.js';
import { KbuildLists } from '../tree/kbuild-lists.js';
import type { PatchedTree } from '../tree/patched-tree.js';
import type { Workspace } from '../tree/workspace.js';
import type { ChosenObject, PreObject } from '../values.js';
import { buildPreObjects } from './pre-objects.js';

const MAKEFILE = /(^|\/)(Makefile|Kbuild)$/;

/** Files that are compiled by themselves, and that there were none of; an empty one is none. */
export function newSources(files: readonly PatchedFile[]): PatchedFile[] {
  return files.filter(
    ({ kind, before, after }) => kind === 'source' && !before && after !== undefined,
  );
}

/** The same with nothing in them: what the old objects are made of. */
export function emptySources(files: readonly PatchedFile[]): PatchedFile[] {
  return newSources(files).map((file) => ({ ...file, after: '' }));
}

/** The changed rules that say what is made of new files; none if there are no such files. */
export function rulesOfNew(files: readonly PatchedFile[]): PatchedFile[] {
  if (newSources(files).length === 0) return [];
  return files.filter(({ path, kind }) => kind === 'rules' && MAKEFILE.test(path));
}

/**
 * Compiles the new files that the changed rules make part of a target, as if nothing were in them.
 * @param rules by rulesOfNew()
 * @param lists kbuild's answers about the tree without the change
 * @throws KspliceError `refused-change` if they make a new module
 */
export async function makeNewObjects(
  files: readonly PatchedFile[],
  rules: readonly PatchedFile[],
  { kbuild, patched, area }: Workspace,
  lists: KbuildLists,
  ui: Ui,
): Promise<(ChosenObject & PreObject)[]> {
  const sources = newSources(files);
  if (sources.length === 0) return [];
  ui.stage(`looking for the target of ${sources.map(({ path }) => path).join(', ')}`);
  const empty = [...rules, ...emptySources(files)];
  const objects = await whilePatched(patched, empty, ui, async () => {
    const after = new KbuildLists(kbuild, ui);
    const found = await inParallel(sources, kbuild.jobs, async ({ path }) => {
      const object = await after.objectOf(path);
      if (!object) tellUnknown(path, files, ui);
      return object && { ...object, isNew: true, reason: `${path} is new` };
    });
    return found.filter((object) => object !== undefined);
  });
  // The tree is as it was: `lists` must not see the changed rules.
  await refuseNewModules(objects, lists);
  return await whilePatched(patched, empty, ui, () =>
    buildPreObjects(kbuild, objects, join(area, 'pre'), ui),
  );
}

/** Does something in a work tree that is patched meanwhile. */
export async function whilePatched<T>(
  patched: PatchedTree,
  files: readonly PatchedFile[],
  ui: Ui,
  work: () => Promise<T>,
): Promise<T> {
  const undo = new UndoStack();
  try {
    patched.patch(files, undo);
    return await work();
  } finally {
    for (const what of undo.unwind()) ui.warn(`could not put back ${what}`);
  }
}

/** A new file that others include has no object, and needs none. */
function tellUnknown(path: string, files: readonly PatchedFile[], ui: Ui): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isIncluded = files.some(({ after }) =>
    [...(after ?? '').matchAll(/^\s*#\s*include\s+["<]([^">]+)/gm)].some(
      ([, included]) => included === name || included?.endsWith(`/${name}`),
    ),
  );
  if (isIncluded) return;
  ui.warn(`${path} is new, and the patched build rules make no object of it: it is left out`);
}

async function refuseNewModules(
  objects: readonly ChosenObject[],
  lists: KbuildLists,
): Promise<void> {
  const refusals: Refusal[] = [];
  for (const { name, modules } of objects) {
    for (const module of modules) {
      if (await lists.isModule(module)) continue;
      const advice =
        'Build the new module by itself and load it; an update can only change existing modules.';
      const message = `${name} would be part of ${module}.ko, a module that does not exist`;
      refusals.push({ code: 'new-module', object: name, symbol: '', message, advice });
    }
  }
  if (refusals.length > 0) throw refusedChange(refusals);
}

/**
 * What a new object would have the kernel call at boot, or when its module is loaded:
 * both were before. The author of a hook knows that, and does the necessary work
 * there.
 */
export function refuseInitcalls({ post, hooks }: ObjectDiff, object: string): Refusal[] {
  if (hooks.length > 0) return [];
  const parts = new Parts(post);
  const called = post.sections
    .filter(({ name }) => /^\.initcall.*\.init$/.test(name))
    .flatMap((section) =>
      relocationsIn(post, wholeSection(section)).map((relocation) => {
        const target = findTarget(parts, section, relocation);
        return target.kind === 'part' ? target.part.symbol.name : section.name;
      }),
    );
  const loaded = post.symbols.some(({ name, section }) => name === 'init_module' && section);
  return [...called, ...(loaded ? ['init_module'] : [])].map((symbol) => ({
    code: 'new-initcall',
    object,
    symbol,
    message:
      'an initcall of a new file: the running kernel, or module, has called its initcalls already',
    advice:
      'Do the same work in a hook, ksplice_pre_apply(FUNCTION), and revert it in ksplice_post_reverse(FUNCTION): see docs/hooks.md.',
  }));
}
