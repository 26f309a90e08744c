// One change for several kernels: an update for each, and all of them as a set. A kernel that cannot
// have the change, or does not need it, keeps no other from getting its own.

import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { explainIo, KspliceError, listedError, type Problem } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import type { Ui } from '../../base/ui.js';
import { count } from '../../base/words.js';
import { readConfdir } from '../../configure/confdir.js';
import { buildIdOf } from '../../kernel/build-id.js';
import { openKernelImage } from '../../kernel/kernel-files.js';
import { createUpdate } from '../pipeline.js';
import { type CreateOptions, checkRequest } from '../request.js';
import { delivered, type KernelResult, placeFor, writeIndex } from './files.js';
import { NamedUi } from './named-ui.js';
import { checkSetRequest, chooseSetId, type SetOptions, updateIdFor } from './request.js';

export interface CreatedSet {
  readonly id: string;
  /** Its directory. */
  readonly directory: string;
  readonly kernels: readonly KernelResult[];
}

/**
 * Makes an update for each kernel that can have one.
 * @throws KspliceError `no-changes` if no kernel needs one, `nothing-made` if none got one and one was
 *   refused, `usage`, `io`
 */
export async function createSet(options: SetOptions, ui: Ui): Promise<CreatedSet> {
  const { confdirs, output, ...shared } = options;
  checkSetRequest(options);
  checkRequest({ ...shared, confdir: '' });
  const id = chooseSetId(options.id);
  const directory = join(output, `ksplice-set-${id}`);
  const unfinished = placeFor(directory);
  try {
    ui.stage(`making updates for ${count(confdirs.length, 'kernel')}`);
    const work = new SetWork(shared, id, unfinished, ui);
    const lanes = Math.max(1, Math.min(confdirs.length, options.jobs));
    const jobs = Math.max(1, Math.floor(options.jobs / lanes));
    const kernels = await inParallel(confdirs, lanes, (confdir) => work.make(confdir, jobs));
    if (!kernels.some(({ update }) => update)) throw nothingMade(kernels);
    writeIndex(unfinished, id, kernels);
    renameSync(unfinished, directory);
    return { id, directory, kernels: kernels.map((one) => delivered(one, directory)) };
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** The work for all kernels. */
class SetWork {
  private readonly builds = new Map<string, string>();
  private done = 0;
  private begun = 0;

  constructor(
    private readonly options: Omit<CreateOptions, 'confdir' | 'output'>,
    private readonly id: string,
    private readonly directory: string,
    private readonly ui: Ui,
  ) {}

  /** Makes the update for one kernel. Only a wrong call and an interruption are thrown. */
  async make(confdir: string, jobs: number): Promise<KernelResult> {
    const { options, ui } = this;
    this.begun++;
    const kernel: { release: string | null; buildId: string | null } = {
      release: null,
      buildId: null,
    };
    const result = { confdir, update: null, error: null };
    try {
      const named = new NamedUi(ui, basename(confdir));
      const { release, buildId } = await this.identify(confdir, named, kernel);
      const output = join(this.directory, `${release}-${buildId.slice(0, 8)}`);
      mkdirSync(output);
      const id = updateIdFor(this.id, buildId);
      const update = await createUpdate({ ...options, confdir, output, id, jobs }, named);
      return { ...result, ...kernel, outcome: 'made', update };
    } catch (thrown) {
      const error = explainIo(thrown);
      if (!(error instanceof KspliceError) || error.code === 'usage' || ui.signal.aborted)
        throw error;
      const { code, message, advice, details } = error;
      const outcome = isNotNeeded(error, options) ? 'not-needed' : 'refused';
      return { ...result, ...kernel, outcome, error: { code, message, advice, details } };
    } finally {
      ui.progress(++this.done, this.begun, basename(confdir));
    }
  }

  /** Which kernel it is; a set chooses by build id, which only an image tells. */
  private async identify(
    confdir: string,
    ui: Ui,
    kernel: { release: string | null; buildId: string | null },
  ): Promise<{ release: string; buildId: string }> {
    const { release, image } = await readConfdir(confdir);
    kernel.release = release;
    if (image === undefined) throw noBuildId(`${confdir} names no image of the kernel`);
    const buildId = buildIdOf((await openKernelImage(image, ui, { release })).kernel);
    if (buildId === undefined) throw noBuildId(`${image} has no build id`);
    const same = this.builds.get(buildId);
    if (same !== undefined) {
      throw new KspliceError('usage', `${same} and ${confdir} are for the same kernel`, {
        advice: 'Leave one of them out.',
      });
    }
    this.builds.set(buildId, confdir);
    kernel.buildId = buildId;
    return { release, buildId };
  }
}

/** The kernel has the change, or its running code would not change. */
export function isNotNeeded(
  { code, details }: KspliceError,
  { patch }: { readonly patch?: unknown },
): boolean {
  if (code === 'no-changes' || code === 'not-in-kernel') return true;
  const isOne = typeof patch === 'string' || (Array.isArray(patch) && patch.length === 1);
  return isOne && details?.alreadyApplied === true;
}

function nothingMade(kernels: readonly KernelResult[]): KspliceError {
  const refused = kernels.filter(({ outcome }) => outcome === 'refused');
  if (refused.length === 0) {
    return new KspliceError('no-changes', 'no kernel needs the change', { details: { kernels } });
  }
  const problems = refused.map(({ confdir, error }): Problem => {
    const { message = '', advice = '' } = error ?? {};
    return { code: 'nothing-made', message: `${basename(confdir)}: ${message}`, advice };
  });
  const { message, advice } = listedError('nothing-made', 'no kernel got an update', problems);
  return new KspliceError('nothing-made', message, { advice, details: { problems, kernels } });
}

function noBuildId(message: string): KspliceError {
  return new KspliceError('no-image', `${message}: a set needs the build id of each kernel`, {
    advice:
      'Make the configuration directory with the image: ksplice-ts configure DIR --image IMAGE.',
  });
}
