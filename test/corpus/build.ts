// Builds the updates of many patches with one call of make, packs each and
// proves it, as `create` does at its end.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../src/base/errors.js';
import type { Ui } from '../../src/base/ui.js';
import { type Proof, proveAgainst } from '../../src/check/prove.js';
import type { Confdir } from '../../src/configure/confdir.js';
import { readPatchFile } from '../../src/create/change/source-patch.js';
import type { UpdateCode } from '../../src/create/code/update-code.js';
import { madeAt } from '../../src/create/invocation/made-at.js';
import { buildModules } from '../../src/create/modules/build-modules.js';
import type { CoreModule } from '../../src/create/modules/core-module.js';
import { packUpdate } from '../../src/create/modules/pack.js';
import { makeReport } from '../../src/create/modules/report.js';
import { finishModules, writeModuleSources } from '../../src/create/modules/update-modules.js';
import type { KernelFacts } from '../../src/create/tree/kernel-facts.js';
import type { ChangedTarget } from '../../src/create/values.js';
import { NO_FIXES } from '../../src/update/fixes.js';
import type { CorpusPatch } from './patches.js';

/** A patch with all that its update is made of. */
export interface Candidate extends UpdateCode {
  readonly id: string;
  readonly patch: CorpusPatch;
  readonly changed: readonly ChangedTarget[];
}

export interface Built {
  readonly id: string;
  /** The archive; there also if it was not proved. */
  readonly file: string | undefined;
  readonly proof: Proof | undefined;
  readonly error: unknown;
}

export interface Surroundings {
  readonly confdir: Confdir;
  readonly facts: KernelFacts;
  readonly core: CoreModule;
  readonly jobs: number;
  readonly ui: Ui;
}

/**
 * @param work an empty directory
 * @param output where the archives go
 */
export async function buildUpdates(
  candidates: readonly Candidate[],
  work: string,
  output: string,
  around: Surroundings,
): Promise<Built[]> {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  mkdirSync(output, { recursive: true });
  for (const { id, code } of candidates) {
    mkdirSync(join(work, id));
    writeModuleSources(id, code, join(work, id));
  }
  const failure = await makeAll(candidates, work, around);
  const built: Built[] = [];
  for (const candidate of candidates) {
    const { id } = candidate;
    try {
      if (failure) await makeAll([candidate], work, around).then(throwIt);
      built.push(await packAndProve(candidate, work, output, around));
    } catch (error) {
      built.push({ id, file: undefined, proof: undefined, error });
    }
  }
  rmSync(work, { recursive: true, force: true });
  return built;
}

function throwIt(error: KspliceError | undefined): void {
  if (error) throw error;
}

/** Returns the error: one update that cannot be built stops make for all. */
async function makeAll(
  candidates: readonly Candidate[],
  work: string,
  { confdir, core, jobs, ui }: Surroundings,
): Promise<KspliceError | undefined> {
  writeFileSync(join(work, 'Kbuild'), candidates.map(({ id }) => `obj-m += ${id}/\n`).join(''));
  try {
    await buildModules(confdir, work, [core.symvers], jobs, ui);
    return undefined;
  } catch (error) {
    if (error instanceof KspliceError && error.code !== 'interrupted') return error;
    throw error;
  }
}

async function packAndProve(
  { id, patch, changed, code, shared }: Candidate,
  work: string,
  output: string,
  { confdir, facts, core, ui }: Surroundings,
): Promise<Built> {
  const modules = join(work, id);
  const contents = finishModules(id, code, core, modules);
  shared.checkPositions(code, (module) => readFileSync(join(modules, `${module}.ko`)));
  const report = makeReport(
    confdir.release,
    {
      on: [],
      targets: changed,
      considered: [],
      layout: { comparing: 'not possible', changes: [] },
    },
    code,
    [],
    facts,
    { timings: [] },
  );
  const diff = readPatchFile(patch.file);
  const about = { description: patch.path, fixes: NO_FIXES, timestamp: madeAt(), report };
  const parts = { id, contents, modules, diff, ...about };
  const { archive, update } = await packUpdate(parts, modules);
  const file = join(output, `ksplice-${id}.tar.gz`);
  renameSync(archive, file);
  try {
    const proof = facts.image && proveAgainst(update, facts.image.kernel, ui);
    return { id, file, proof, error: undefined };
  } catch (error) {
    if (!(error instanceof KspliceError)) throw error;
    return { id, file, proof: undefined, error };
  }
}
