// create, from a source patch to an update. createUpdate() goes from stage to
// stage; what holds between two of them stands between them.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { problemsError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { count } from '../base/words.js';
import { type Proof, proveAgainst } from '../check/prove.js';
import { type Confdir, readConfdir } from '../configure/confdir.js';
import type { TableSizes } from '../elf/tables.js';
import { busyProblems } from '../inspect/allow-busy.js';
import { signUpdate } from '../trust/sign-update.js';
import { type Contents, moduleFilesOf } from '../update/contents.js';
import type { Fixes } from '../update/fixes.js';
import type { Update } from '../update/update.js';
import { loadChange } from './change/change.js';
import { fixesOf } from './change/find-fixes.js';
import type { PatchedFile } from './change/patched-file.js';
import type { SourceChange } from './change/source-change.js';
import { readBases } from './code/bases.js';
import { type Differences, findDifferences } from './code/differences.js';
import { perCpuReserve } from './code/per-cpu-reserve.js';
import type { SharedSymbols } from './code/shared-symbols.js';
import { makeUpdateCode, type UpdateCode } from './code/update-code.js';
import { lastUpdate, rememberLast } from './invocation/last-update.js';
import { madeAt } from './invocation/made-at.js';
import { inRun, type Run } from './invocation/scope.js';
import { moduleSource } from './module-dir/build.js';
import { type CoreModule, provideCore, withCore } from './modules/core-module.js';
import { buildFixedModules } from './modules/fixed-modules.js';
import { checkOutput, chooseId, deliver, packUpdate } from './modules/pack.js';
import { makeReport } from './modules/report.js';
import { checkSigning, signModules } from './modules/sign.js';
import { buildUpdateModules } from './modules/update-modules.js';
import { codeFiles, isCode } from './objects/choose-objects.js';
import { howTypesAreCompared } from './objects/comparing.js';
import { compilePost } from './objects/compile.js';
import { kernelTree } from './objects/kernel-tree.js';
import { rulesOfNew } from './objects/new-objects.js';
import type { ObjectSource } from './objects/object-source.js';
import { ObjectTexts } from './objects/object-texts.js';
import { findOutsideUsers } from './objects/outside-users.js';
import { WantedTargets } from './objects/wanted-targets.js';
import { type CreateOptions, checkRequest } from './request.js';
import { readBuildHeaders } from './tree/kbuild.js';
import { type KernelFacts, readKernelFacts } from './tree/kernel-facts.js';
import { askTableSizes } from './tree/table-sizes.js';
import { checkCacheDirectory } from './tree/workspace.js';
import type { ChangedTarget, CompiledObject, Report, TargetCode } from './values.js';

export interface CreatedUpdate {
  readonly id: string;
  /** Path of the tarball. */
  readonly file: string;
  readonly description: string;
  readonly fixes: Fixes;
  /** Null if there is no image. */
  readonly proof: Proof | null;
  readonly report: Report;
}

/**
 * Makes an update.
 * @throws KspliceError of any code of create's; `no-changes` if nothing in the
 *   running code changes
 */
export async function createUpdate(options: CreateOptions, ui: Ui): Promise<CreatedUpdate> {
  checkRequest(options);
  const task = await readTask(options, ui);
  // The change fits the source and is one of code. Nothing has been written so far.
  return await inRun(ui, options.keep ?? false, async (run) => {
    const { confdir, change } = task;
    const reading = run.background(readKernelFacts(confdir, options.image, run.ui));
    // An image that was named may be a wrong one: that is told before anything is compiled.
    if (options.image !== undefined) await reading;
    const building = run.background(provideCore(confdir, reading, options.jobs, run.ui));
    const compiled = await compileStates(task, reading, run);
    // The work tree is as it was; there are three objects of each kind.
    const differences = await compareStates(task, compiled, run);
    // Every change is one that can be made on a running kernel; the work tree is free for others.
    const core = await building;
    const facts = withCore(await compiled.facts, core);
    const { code, shared } = await makeCode(task, differences, compiled.tables, facts, run);
    // The image, if there is one, holds the old code; all symbols of the new code are found.
    const contents = await makeModules(task, code, shared, { facts, core }, differences.fixed, run);
    const description = options.description ?? change.description;
    const report = reportOf(task, differences, compiled, code, facts, run);
    const { allowBusy, allowLayout, supersedes } = options;
    const given = { allowBusy, allowLayout, supersedes };
    const texts = { diff: change.diff, description, fixes: task.fixes, report };
    const files = { modules: run.directory.stage('5-modules'), fixed: differences.fixed };
    const { timestamp } = task;
    const parts = { id: task.id, contents, timestamp, ...files, ...texts, ...given };
    const { archive, update } = await packUpdate(parts, run.directory.stage('6-pack'));
    if (options.signWith !== undefined) await signUpdate(archive, options.signWith);
    run.directory.lap('pack');
    const proof = facts.image && proveAgainst(update, facts.image.kernel, run.ui);
    run.directory.lap('prove');
    // If there is an image, the update as packed would be accepted by that kernel.
    const file = deliver(archive, options.output);
    if (!options.forgotten) {
      await change.git?.remember(options.series ?? false, ui);
      rememberLast(options.confdir, file);
    }
    for (const { what, ms } of run.directory.timings) ui.detail(`${what}: ${ms} ms`);
    const { id, fixes } = task;
    return { id, file, description, fixes, proof: proof ?? null, report };
  });
}

/** The task, as far as it is known before anything is compiled. */
interface Task {
  readonly options: CreateOptions;
  readonly id: string;
  readonly timestamp: string;
  readonly confdir: Confdir;
  readonly source: ObjectSource;
  readonly bases: readonly Update[];
  readonly change: SourceChange;
  readonly fixes: Fixes;
  /** Changed files of code: all since the boot, and with each of the updates below. */
  readonly files: readonly PatchedFile[];
  readonly below: readonly (readonly PatchedFile[])[];
  /** Changed build rules, for files that are new. */
  readonly rules: readonly PatchedFile[];
}

async function readTask(options: CreateOptions, ui: Ui): Promise<Task> {
  const id = chooseId(options.id);
  const { timestamp = madeAt() } = options;
  checkOutput(options.output, id);
  const confdir = await readConfdir(options.confdir);
  const source = objectSource(options, confdir);
  checkCacheDirectory(source.directory);
  if (options.signing) checkSigning(options.signing, confdir);
  const bases = await readBases(updatesBelow(options), confdir.release);
  const change = await loadChange(options, source.directory, bases, ui);
  const fixes = fixesOf(change.words, options.fixes);
  const changed = source.filesOf(change.files);
  const files = codeFiles(changed, ui);
  const below = change.below.map((state) => source.filesOf(state).filter(isCode));
  const rules = rulesOfNew(changed);
  return { options, id, timestamp, confdir, source, bases, change, fixes, files, rules, below };
}

async function compileStates(task: Task, facts: Promise<KernelFacts>, run: Run) {
  const { options, confdir, source, files, rules, below, change } = task;
  const headers = readBuildHeaders(confdir.build, confdir.release, confdir.flags);
  const wanted = new WantedTargets(options.onlyTargets ?? []);
  const comparing = howTypesAreCompared(files, below, headers, run.ui);
  const how = { headers, jobs: options.jobs, types: comparing === 'compared' };
  const request = { files, rules, git: change.git, wanted, confdir, facts, ...how };
  const { work, pre, model, ...found } = await source.compilePre(request, run);
  const objects = await compilePost(work, files, pre, { below, git: change.git }, run);
  const tables = await askTableSizes(work, run.ui, model);
  return { ...found, work, objects, tables, comparing };
}

type Compiled = Awaited<ReturnType<typeof compileStates>>;

async function compareStates({ options, files, rules, bases }: Task, compiled: Compiled, run: Run) {
  const { work, objects, tables } = compiled;
  const { directory, ui } = run;
  ui.stage(`comparing ${count(objects.length, 'object')}`);
  const { allowLayout: allowed = [] } = options;
  const outside =
    compiled.comparing === 'compared'
      ? await findOutsideUsers(files, objects, work.kbuild, ui)
      : undefined;
  const texts = new ObjectTexts(work.kbuild, files, outside);
  const sources = (object: CompiledObject) => texts.of(object);
  const types = { comparing: compiled.comparing, allowed, sources };
  const differences = findDifferences(objects, tables, ui, bases, types);
  const { targets } = differences;
  const fixed = options.buildModules
    ? await buildFixedModules(
        work,
        [...files, ...rules],
        targets,
        join(directory.path, 'fixed'),
        ui,
      )
    : [];
  work.close();
  directory.keep('3-diff', 'functions.json', targets.map(functionNames));
  directory.lap('diff');
  return { ...differences, fixed };
}

async function makeCode(
  { id, options, confdir, bases, source }: Task,
  differences: Differences,
  tables: TableSizes,
  facts: KernelFacts,
  run: Run,
): Promise<UpdateCode> {
  run.directory.lap('kernel image');
  const compared = facts.image ? ` and comparing it with ${facts.image.kernel.origin}` : '';
  run.ui.stage(`extracting new code${compared}`);
  const perCpu = perCpuReserve(readFileSync(confdir.config, 'utf8'));
  const trees = [source.directory, confdir.build];
  const ground = { facts, tables, bases, perCpuReserve: perCpu, trees };
  const made = await makeUpdateCode(id, differences, ground, run.ui);
  const { code } = made;
  keepCode(run, code);
  checkAllowBusy(code, options.allowBusy ?? []);
  run.directory.lap('match and extract');
  return made;
}

/** @param fixed modules for the disk, which are signed with the update's */
async function makeModules(
  { id, options, confdir, bases }: Task,
  code: readonly TargetCode[],
  shared: SharedSymbols,
  { facts, core }: { readonly facts: KernelFacts; readonly core: CoreModule },
  fixed: readonly string[],
  { directory, ui }: Run,
): Promise<Contents> {
  directory.lap('kernel core');
  ui.stage(`building ${count(code.length * 2, 'module')}`);
  const place = directory.stage('5-modules');
  const linkedTo = { confdir, core, symvers: facts.symvers ?? [], below: bases };
  const contents = await buildUpdateModules(id, code, linkedTo, place, options.jobs, ui);
  shared.checkPositions(code, (module) => readFileSync(join(place, `${module}.ko`)));
  if (options.signing) {
    const files = [...moduleFilesOf(contents).map(({ file }) => join(place, file)), ...fixed];
    await signModules(files, options.signing, confdir, ui);
  }
  directory.lap('modules');
  return contents;
}

function reportOf(
  { confdir, bases }: Task,
  { targets, notes, layout }: Differences,
  { considered, notes: leftOut }: Compiled,
  code: readonly TargetCode[],
  facts: KernelFacts,
  { directory }: Run,
): Report {
  const changes = { on: bases.map(({ id }) => id), targets, considered, layout };
  return makeReport(confdir.release, changes, code, [...leftOut, ...notes], facts, directory);
}

/** With --series, without git: the last update that was made is the one that runs. */
function updatesBelow({ on = [], series, git, confdir }: CreateOptions): readonly string[] {
  const last = series && git === undefined ? lastUpdate(confdir) : undefined;
  return last === undefined ? on : [...on, last];
}

function objectSource({ module, source }: CreateOptions, confdir: Confdir): ObjectSource {
  return module === undefined ? kernelTree(source, confdir) : moduleSource(module);
}

function checkAllowBusy(code: readonly TargetCode[], names: readonly string[]): void {
  if (names.length === 0) return;
  const problems = busyProblems(
    code.map(({ generated }) => generated.program),
    names,
  );
  if (problems.length > 0) {
    throw problemsError(
      'refused-change',
      'some functions named with --allow-busy cannot be replaced while they are busy',
      problems,
    );
  }
}

function functionNames({ target, objects }: ChangedTarget) {
  return {
    target,
    objects: objects.map(({ label, diff }) => ({
      label,
      functions: diff.functions,
      data: diff.data,
      decisions: Object.fromEntries(
        diff.replaced.map(({ name }) => [name, diff.explain(name)] as const),
      ),
    })),
  };
}

/** Leaves the extracted code where a failed build can be looked into. */
function keepCode({ directory }: Run, code: readonly TargetCode[]): void {
  for (const { target, newCode } of code) {
    const { object, ...rest } = newCode;
    directory.keep('4-extract', `${basename(target)}.o`, object);
    directory.keep('4-extract', `${basename(target)}.json`, rest);
  }
}
