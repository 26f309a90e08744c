// create --prebuild: makes what every later update for a kernel needs, so that
// the one that is urgent takes seconds: the configured work tree and the
// kernel core, and with a change also the objects that it concerns.

import type { Ui } from '../base/ui.js';
import { readConfdir } from '../configure/confdir.js';
import { loadChange } from './change/change.js';
import { inRun } from './invocation/scope.js';
import { provideCore } from './modules/core-module.js';
import { codeFiles } from './objects/choose-objects.js';
import { compilePre } from './objects/compile.js';
import { rulesOfNew } from './objects/new-objects.js';
import { WantedTargets } from './objects/wanted-targets.js';
import { type CreateOptions, checkRequest, refuseForModules } from './request.js';
import { readHeaders } from './tree/kbuild.js';
import { readKernelFacts } from './tree/kernel-facts.js';
import { checkCacheDirectory, openWorkspace, sourceOf } from './tree/workspace.js';

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
  const source = sourceOf(options.source, confdir);
  checkCacheDirectory(source);
  const change = isGiven ? await loadChange(options, source, [], ui) : undefined;
  const files = change ? codeFiles(change.files, ui) : [];
  const rules = rulesOfNew(change?.files ?? []);
  return await inRun(ui, false, async (run) => {
    const facts = run.background(readKernelFacts(confdir, options.image, run.ui));
    const core = run.background(provideCore(confdir, () => facts, jobs, run.ui));
    const headers = readHeaders(confdir.build, confdir.release, confdir.flags);
    const tree = (await change?.git?.checkOut(run.undo, run.ui)) ?? source;
    const work = await openWorkspace(tree, confdir.config, headers, jobs, run.undo, run.ui);
    const wanted = new WantedTargets(options.onlyTargets ?? []);
    const { pre } = change ? await compilePre(work, { files, rules }, wanted, run) : { pre: [] };
    work.close();
    const { release } = confdir;
    const names = pre.map(({ name }) => name);
    return { release, area: work.area, core: (await core).file, objects: names };
  });
}
