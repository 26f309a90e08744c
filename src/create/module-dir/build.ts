// create's way from a module's directory to pre objects, and to what is known
// of the kernel besides: the counterpart of workspace.ts, choose-objects.ts and
// pre-objects.ts for a kernel tree.

import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import type { Confdir } from '../../configure/confdir.js';
import type { PatchedFile } from '../change/patched-file.js';
import { emptySources, newSources, whilePatched } from '../objects/new-objects.js';
import { readsOneOf } from '../objects/pre-objects.js';
import type { WantedTargets } from '../objects/wanted-targets.js';
import type { KernelHeaders } from '../tree/kbuild.js';
import type { KernelFacts } from '../tree/kernel-facts.js';
import type { Workspace } from '../tree/workspace.js';
import type { Considered, PreObject } from '../values.js';
import {
  type BuiltModules,
  FoundModules,
  findLoaded,
  modulesIn,
  stringsOf,
  withModules,
} from './kernel.js';
import {
  compileAgain,
  compiledObjects,
  filePrefix,
  makeModules,
  sourcesIn,
  symversOf,
} from './objects.js';
import { copyModule } from './source.js';

/** A module's directory, built without the patch. */
export interface ModuleBuild {
  readonly work: Workspace;
  /** What the patch can change, plain and by section. */
  readonly pre: readonly PreObject[];
  readonly considered: readonly Considered[];
  /** What the change does not reach, as the user was told. */
  readonly notes: readonly string[];
  /** An object that kbuild made with the kernel's own flags. */
  readonly model: string;
  readonly facts: KernelFacts;
}

export interface ModuleRequest {
  /** By moduleDirectory(). */
  readonly source: string;
  /** Changed files, by codeFiles(). */
  readonly files: readonly PatchedFile[];
  /** Changed build rules, by rulesOfNew(). */
  readonly rules: readonly PatchedFile[];
  readonly wanted: WantedTargets;
  readonly confdir: Confdir;
  readonly headers: KernelHeaders;
  /** About the kernel, without these modules. */
  readonly facts: () => Promise<KernelFacts>;
  /** Compilers at a time. */
  readonly jobs: number;
  /** Sectioned objects get type information. */
  readonly types: boolean;
  /** An empty directory for all of it. */
  readonly area: string;
}

/**
 * Copies and builds a module's directory.
 * @throws KspliceError `compile-failed`, `not-in-kernel` if no object is made of the
 *   changed files, `refused-change`, `kernel-mismatch`
 */
export async function buildModuleDirectory(request: ModuleRequest, ui: Ui): Promise<ModuleBuild> {
  const { source, files, rules, confdir, headers, jobs, types } = request;
  // kbuild and the compiler are to call it the same.
  const area = realpathSync(request.area);
  refuseRemoved(files);
  ui.stage(`building ${source} without the patch`);
  const work = copyModule(source, area, confdir, { headers, jobs, types }, ui.signal);
  const build = () => buildObjects(request, work, ui);
  const added = emptySources(files);
  if (added.length === 0) return await build();
  return await whilePatched(work.patched, [...rules, ...added], ui, build);
}

/** The same in the copy; files that are new are in it, with nothing in them. */
async function buildObjects(request: ModuleRequest, work: Workspace, ui: Ui): Promise<ModuleBuild> {
  const { source, files, confdir } = request;
  const { tree } = work.kbuild;
  await makeModules(work.kbuild, confdir.flags, ui);
  const model = modelIn(tree, source);
  const added = new Set(newSources(files).map(({ path }) => path.replace(/\.[cS]$/, '.o')));
  const affected = compiledObjects(tree, work.area)
    .filter((object) => readsOneOf(object, files, tree))
    .map((object) => (added.has(object.name) ? { ...object, isNew: true } : object));
  const notes = unused(files, affected, request);
  for (const note of notes) ui.warn(note);
  const wanted = request.wanted.choose(affected, ui);
  const reached = wanted.map((object) => request.wanted.narrow(object));
  const targets = [...new Set(reached.flatMap(({ owners }) => owners))];
  const known = await request.facts();
  const loaded = await findLoaded(targets, source, confdir.release, known.image, ui);
  const rebuilt = new FoundModules();
  for (const [name, path] of modulesIn(tree)) rebuilt.add(name, path);
  const built: BuiltModules = { targets, loaded, rebuilt, symvers: symversOf(tree) };
  const prefixes = await prefixesOf(built, known, source, tree);
  const pre = await compileAgain(work, reached, (owner) => prefixes.get(owner), ui);
  const considered = pre.map(({ name, owners }) => ({
    object: name,
    targets: owners,
    reason: 'the compiler reads what is changed',
    isRead: true,
  }));
  return { work, pre, considered, notes, model, facts: withModules(known, built, confdir.release) };
}

/** By module, what its files were called when the loaded module was built. */
async function prefixesOf(
  { targets, loaded }: BuiltModules,
  { image }: KernelFacts,
  source: string,
  tree: string,
): Promise<Map<string, string>> {
  const prefixes = new Map<string, string>();
  const sources = sourcesIn(tree);
  for (const target of targets) {
    const object = loaded.object(target) ?? (await image?.moduleFile(target));
    const prefix = object && filePrefix(stringsOf(object), sources);
    prefixes.set(target, prefix ?? `${source}/`);
  }
  return prefixes;
}

/** modpost's own object for a module: no flags of the module's Makefile are in its command. */
function modelIn(tree: string, source: string): string {
  const entries = readdirSync(tree, { recursive: true, encoding: 'utf8' });
  const object = entries.find((entry) => entry.endsWith('.mod.o'));
  if (object === undefined) throw noModules(source);
  return join(tree, object);
}

function noModules(source: string): KspliceError {
  return new KspliceError('no-source', `kbuild makes no module in ${source}`, {
    advice: 'Its Kbuild or Makefile has to name modules: obj-m := NAME.o',
  });
}

function refuseRemoved(files: readonly PatchedFile[]): void {
  const removed = files.filter(({ after }) => after === undefined).map(({ path }) => path);
  if (removed.length === 0) return;
  throw new KspliceError('refused-change', `the patch removes ${removed.join(', ')}`, {
    advice: 'Code cannot be removed from a running kernel: change its callers instead.',
    details: removed.map((object) => ({ code: 'file-removed', object, symbol: '' })),
  });
}

/** @throws KspliceError `not-in-kernel` if no changed file is part of a module */
function unused(
  files: readonly PatchedFile[],
  reached: readonly PreObject[],
  { source }: ModuleRequest,
): string[] {
  const paths = files.map(({ path }) => path);
  if (reached.length === 0) {
    throw new KspliceError(
      'not-in-kernel',
      `${paths.join(', ')}: part of no module that is built in ${source}`,
      { advice: 'Look at its Kbuild or Makefile: which objects does it name?', details: paths },
    );
  }
  const compiled = new Set(reached.map(({ name }) => name.replace(/\.o$/, '')));
  return files.flatMap(({ path, kind, before }) => {
    if (kind !== 'source' || compiled.has(path.replace(/\.[cS]$/, ''))) return [];
    return before === undefined
      ? [`${path} is new, and the build rules as patched make no object of it: it is left out`]
      : [`${path} is part of no module that is built; its change is left out`];
  });
}
