// Post objects: the patched source, compiled as the pre objects were. The work
// tree holds the patch only while the compilers run.

import { join } from 'node:path';
import { KspliceError, listedError } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import type { Ui } from '../../base/ui.js';
import type { PatchedFile } from '../change/patched-file.js';
import { UndoStack } from '../invocation/undo-stack.js';
import type { Workspace } from '../tree/workspace.js';
import type { CompiledObject, PreObject } from '../values.js';
import { neutralLines } from './neutral-lines.js';
import { compileSectioned } from './pre-objects.js';

/**
 * Patches the work tree, compiles, and puts the tree back.
 * @throws KspliceError `compile-failed` with every object's errors
 */
export async function buildPostObjects(
  workspace: Workspace,
  files: readonly PatchedFile[],
  objects: readonly PreObject[],
  directory: string,
  ui: Ui,
): Promise<CompiledObject[]> {
  const renumbered = files.map(withOldLines);
  const first = await compilePatched(workspace, renumbered, objects, directory, ui);
  if (first.errors.length === 0) return first.compiled;
  // The compiler's messages are to name the lines of the user's text.
  const second = await compilePatched(workspace, files, objects, directory, ui);
  if (second.errors.length === 0) return second.compiled;
  throw together(second.errors);
}

/** The patched text in which lines that were there before keep their numbers. */
function withOldLines(file: PatchedFile): PatchedFile {
  const { before, between = [], after, path } = file;
  if (before === undefined || after === undefined || !/\.[ch]$/.test(path)) return file;
  return { ...file, after: neutralLines(before, ...between, after) };
}

async function compilePatched(
  workspace: Workspace,
  files: readonly PatchedFile[],
  objects: readonly PreObject[],
  directory: string,
  ui: Ui,
): Promise<{ compiled: CompiledObject[]; errors: KspliceError[] }> {
  const { kbuild, patched } = workspace;
  const undo = new UndoStack();
  const errors: KspliceError[] = [];
  let done = 0;
  const compile = async (object: PreObject): Promise<CompiledObject> => {
    const post = join(directory, object.name);
    try {
      await compileSectioned(kbuild, object, post, ui);
    } catch (error) {
      if (!(error instanceof KspliceError) || error.code !== 'compile-failed') throw error;
      errors.push(error);
    }
    ui.progress(++done, objects.length, object.name);
    return { ...object, post };
  };
  try {
    patched.patch(files, undo);
    return { compiled: await inParallel(objects, kbuild.jobs, compile), errors };
  } finally {
    for (const what of undo.unwind()) ui.warn(`could not put back ${what}`);
  }
}

function together(errors: readonly KspliceError[]): KspliceError {
  const problems = errors.map(({ code, message, advice, details }) => ({
    ...details,
    code,
    message,
    advice,
  }));
  const summary = 'the patched source does not compile';
  return listedError('compile-failed', summary, problems, `${summary}\n${errors[0]?.message}`);
}
