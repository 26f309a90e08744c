// create --prebuild: makes what every later update for a kernel needs, so that
// the one that is urgent takes seconds: the configured work tree and the
// kernel core, and with a change also the objects that it concerns.

import type { Ui } from '../base/ui.js';
import { readConfdir } from '../configure/confdir.js';
import { loadChange } from './change/change.js';
import { inRun } from './invocation/scope.js';
import { provideCore } from './modules/core-module.js';
import { codeFiles } from './objects/choose-objects.js';
import { kernelTree, openTree } from './objects/kernel-tree.js';
import { rulesOfNew } from './objects/new-objects.js';
import { WantedTargets } from './objects/wanted-targets.js';
import { type CreateOptions, checkRequest, refuseForModules } from './request.js';
import { readBuildHeaders } from './tree/kbuild.js';
import { readKernelFacts } from './tree/kernel-facts.js';
import { checkCacheDirectory } from './tree/workspace.js';

/** What is in the cache now. */
export interface Prebuilt {
  readonly release: string;
  /** Directory of the work tree. */
  readonly area: string;
  /** ksplice.ko. */
  readonly core: string;
  /** Objects without the change; none if no change was given. */
  readonly objects: readonly string[];
}

export type PrebuildOptions = Omit<
  CreateOptions,
  'output' | 'id' | 'description' | 'series' | 'buildModules'
>;

/**
 * Fills the cache and makes no update.
 * @param options as for create; the change may be missing
 * @throws KspliceError as createUpdate(), of the stages up to the objects without the change
 */
export async function prebuild(options: PrebuildOptions, ui: Ui): Promise<Prebuilt> {
  const { jobs, patch, diffext, git } = options;
  const isGiven = patch !== undefined || diffext !== undefined || git !== undefined;
  refuseForModules('--prebuild', options.module !== undefined);
  if (isGiven) checkRequest(options);
  const confdir = await readConfdir(options.confdir);
  const source = kernelTree(options.source, confdir);
  checkCacheDirectory(source.directory);
  const change = isGiven ? await loadChange(options, source.directory, [], ui) : undefined;
  const files = change ? codeFiles(change.files, ui) : [];
  const rules = rulesOfNew(change?.files ?? []);
  return await inRun(ui, false, async (run) => {
    const facts = run.background(readKernelFacts(confdir, options.image, run.ui));
    const core = run.background(provideCore(confdir, facts, jobs, run.ui));
    const headers = readBuildHeaders(confdir.build, confdir.release, confdir.flags);
    const wanted = new WantedTargets(options.onlyTargets ?? []);
    const how = { git: change?.git, confdir, headers, jobs, types: false };
    const { work, pre } = change
      ? await source.compilePre({ files, rules, wanted, facts, ...how }, run)
      : { work: await openTree(source.directory, how, run), pre: [] };
    work.close();
    const { release } = confdir;
    const names = pre.map(({ name }) => name);
    return { release, area: work.area, core: (await core).file, objects: names };
  });
}
