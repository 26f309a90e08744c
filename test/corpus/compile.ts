// Compiles a corpus: every object once without its patch, and once with each
// patch. Both are kept; a second run compiles nothing.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KspliceError } from '../../src/base/errors.js';
import { inParallel } from '../../src/base/parallel.js';
import type { Ui } from '../../src/base/ui.js';
import type { PatchedFile } from '../../src/create/change/patched-file.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { chooseObjects, codeFiles } from '../../src/create/objects/choose-objects.js';
import { neutralLines } from '../../src/create/objects/neutral-lines.js';
import { buildPostObjects } from '../../src/create/objects/post-objects.js';
import { buildPreObjects } from '../../src/create/objects/pre-objects.js';
import type { KbuildLists, KbuildObject } from '../../src/create/tree/kbuild-lists.js';
import { PatchedTree } from '../../src/create/tree/patched-tree.js';
import type { Workspace } from '../../src/create/tree/workspace.js';
import type { CompiledObject, PreObject } from '../../src/create/values.js';
import type { CorpusPatch } from './patches.js';

/** Objects that cannot be made without a patch are no fault of the patch. */
const NOT_OF_THE_PATCH = 'command-failed';

/** A patch with the objects that it may change, or why there are none. */
export interface Chosen {
  readonly patch: CorpusPatch;
  readonly files: readonly PatchedFile[];
  readonly objects: readonly KbuildObject[];
}

/** A patch on its way; `result` may be the error that create would have thrown. */
export interface Step<T> {
  readonly patch: CorpusPatch;
  readonly result: T | KspliceError;
}

/** What `create` does with a patch before it compiles anything. */
export async function choose(
  patches: readonly CorpusPatch[],
  workspace: Workspace,
  lists: KbuildLists,
  ui: Ui,
): Promise<Step<Chosen>[]> {
  return inParallel(patches, workspace.kbuild.jobs, async (patch) => ({
    patch,
    result: await orError(async () => {
      const files = codeFiles(loadPatch(patch.file, workspace.source, ui), ui);
      const objects = await chooseObjects(files, workspace, ui, lists);
      return { patch, files, objects };
    }),
  }));
}

/** Pre and post objects of patches that led to objects. */
export async function compileAll(
  chosen: readonly Chosen[],
  workspace: Workspace,
  ui: Ui,
): Promise<Step<CompiledObject[]>[]> {
  const pre = await buildAllPre(chosen, workspace, ui);
  // Two patches at a time, unless one changes a file that others include.
  const alone = chosen.filter(({ objects }) => objects.length > 1);
  const apart = chosen.filter(({ objects }) => objects.length === 1);
  const { jobs } = workspace.kbuild;
  const kbuild = { ...workspace.kbuild, jobs: 1 };
  const trees = Array.from({ length: jobs }, (_, i) => ownTree(workspace, i));
  const free = [...trees];
  let done = 0;
  const compile = async (item: Chosen): Promise<Step<CompiledObject[]>> => {
    const patched = free.pop()!;
    try {
      const objects = item.objects.map(({ name }) => pre.get(name)!);
      const failed = objects.find((object) => object instanceof KspliceError);
      if (failed) return { patch: item.patch, result: failed };
      const result = await orError(() =>
        post(item, objects as PreObject[], { ...workspace, kbuild, patched }, ui),
      );
      ui.progress(++done, chosen.length, item.patch.path);
      return { patch: item.patch, result };
    } finally {
      free.push(patched);
    }
  };
  const results = await inParallel(apart, jobs, compile);
  for (const item of alone) results.push(await compile(item));
  return results;
}

/** A journal of its own for each of those that patch the one tree at the same time. */
function ownTree({ area, kbuild }: Workspace, index: number): PatchedTree {
  const own = join(area, 'corpus', `${index}`);
  mkdirSync(own, { recursive: true });
  const tree = new PatchedTree(kbuild.tree, own);
  tree.recover();
  return tree;
}

/** By name; an object that cannot be made does not keep the others from being made. */
export async function buildAllPre(
  chosen: readonly Pick<Chosen, 'objects'>[],
  { kbuild, area }: Workspace,
  ui: Ui,
): Promise<Map<string, PreObject | KspliceError>> {
  const objects = new Map(chosen.flatMap((item) => item.objects).map((o) => [o.name, o]));
  const built = new Map<string, PreObject | KspliceError>();
  const build = async (wanted: readonly KbuildObject[]) => {
    const made = await orError(() => buildPreObjects(kbuild, wanted, join(area, 'pre'), ui));
    if (!(made instanceof KspliceError)) for (const object of made) built.set(object.name, object);
    else if (wanted.length === 1) built.set(wanted[0]!.name, notOfThePatch(made));
    else for (const one of wanted) await build([one]);
  };
  if (objects.size > 0) await build([...objects.values()]);
  return built;
}

function notOfThePatch({ message, advice, details }: KspliceError): KspliceError {
  return new KspliceError(NOT_OF_THE_PATCH, message, { advice, ...(details && { details }) });
}

/** @throws KspliceError `compile-failed` with the compiler's lines of each object in its problems */
export async function post(
  { patch, files }: Pick<Chosen, 'patch' | 'files'>,
  objects: readonly PreObject[],
  workspace: Workspace,
  ui: Ui,
): Promise<CompiledObject[]> {
  const directory = join(workspace.area, 'corpus', 'post', patch.place);
  const stamp = join(directory, 'stamp.json');
  const key = keyOf(files, objects);
  const known = existsSync(stamp) ? JSON.parse(readFileSync(stamp, 'utf8')) : {};
  if (known.key === key) {
    const { error, problems } = known;
    if (error) throw new KspliceError('compile-failed', error, { details: { problems } });
    return objects.map((object) => ({ ...object, post: join(directory, object.name) }));
  }
  rmSync(directory, { recursive: true, force: true });
  const made = await orError(() => buildPostObjects(workspace, files, objects, directory, ui));
  mkdirSync(dirname(stamp), { recursive: true });
  const isError = made instanceof KspliceError;
  if (isError && made.code !== 'compile-failed') throw made;
  const outcome = isError ? { error: made.message, problems: made.details?.problems ?? [] } : {};
  writeFileSync(stamp, JSON.stringify({ key, ...outcome }));
  if (isError) throw made;
  return made;
}

/** Changes with all that goes into the post objects. */
function keyOf(files: readonly PatchedFile[], objects: readonly PreObject[]): string {
  const hash = createHash('sha256');
  for (const { before, after } of files) hash.update(neutralLines(before ?? '', after ?? ''));
  for (const { sectioned } of objects) hash.update(readFileSync(`${sectioned}.deps`));
  return hash.digest('hex');
}

export async function orError<T>(work: () => Promise<T>): Promise<T | KspliceError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KspliceError && error.code !== 'interrupted') return error;
    throw error;
  }
}
