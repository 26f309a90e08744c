// create's way from a module's directory to pre objects, and to the facts about
// the kernel: the counterpart of workspace.ts, choose-objects.ts and
// pre-objects.ts for a kernel tree.

import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError, refusedChange } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import type { PatchedFile } from '../change/patched-file.js';
import { removal } from '../objects/choose-objects.js';
import { emptySources, newSources, whilePatched } from '../objects/new-objects.js';
import type { BuiltSource, ObjectSource, SourceRequest } from '../objects/object-source.js';
import { readsOneOf } from '../objects/pre-objects.js';
import type { KernelFacts } from '../tree/kernel-facts.js';
import type { Workspace } from '../tree/workspace.js';
import type { PreObject } from '../values.js';
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
import { copyModule, moduleDirectory, moduleFiles } from './source.js';

/** What is built: a module's directory, by moduleDirectory(). */
interface ModuleRequest extends SourceRequest {
  readonly source: string;
  /** An empty directory for all of it. */
  readonly area: string;
}

/**
 * A module's directory as what objects are compiled from.
 * @throws KspliceError as moduleDirectory()
 */
export function moduleSource(given: string): ObjectSource {
  const source = moduleDirectory(given);
  return {
    directory: source,
    filesOf: moduleFiles,
    async compilePre(request, { directory, ui }) {
      const area = directory.stage('1-pre');
      const built = await buildModuleDirectory({ ...request, source, area }, ui);
      directory.lap('work tree');
      return built;
    },
  };
}

/**
 * Copies and builds a module's directory.
 * @throws KspliceError `compile-failed`, `not-in-kernel` if no object is made of the
 *   changed files, `refused-change`, `kernel-mismatch`
 */
async function buildModuleDirectory(request: ModuleRequest, ui: Ui): Promise<BuiltSource> {
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
async function buildObjects(request: ModuleRequest, work: Workspace, ui: Ui): Promise<BuiltSource> {
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
  const facts = await request.facts;
  const loaded = await findLoaded(targets, source, confdir.release, facts.image, ui);
  const rebuilt = new FoundModules();
  await rebuilt.add(modulesIn(tree), ui.signal);
  const built: BuiltModules = {
    targets,
    loaded,
    rebuilt,
    symvers: symversOf(tree, work.kbuild.objects),
  };
  const prefixes = await prefixesOf(built, facts, source, tree);
  const pre = await compileAgain(work, reached, (owner) => prefixes.get(owner), ui);
  const considered = pre.map(({ name, owners }) => ({
    object: name,
    targets: owners,
    reason: 'the compiler reads a changed file',
    isRead: true,
  }));
  const withThese = withModules(facts, built, confdir.release);
  return { work, pre, considered, notes, model, facts: Promise.resolve(withThese) };
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
  if (removed.length > 0) throw refusedChange(removed.map(removal));
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
      { advice: 'Check which objects its Kbuild or Makefile names.', details: { files: paths } },
    );
  }
  const compiled = new Set(reached.map(({ name }) => name.replace(/\.o$/, '')));
  return files.flatMap(({ path, kind, before }) => {
    if (kind !== 'source' || compiled.has(path.replace(/\.[cS]$/, ''))) return [];
    return before === undefined
      ? [`${path} is new, and the patched build rules make no object of it: it is left out`]
      : [`${path} is part of no module that is built; its change is left out`];
  });
}
