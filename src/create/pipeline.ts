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
import { mayChangeTypes } from '../layout/declarations.js';
import { type Contents, moduleFilesOf } from '../update/contents.js';
import type { Update } from '../update/update.js';
import { loadChange } from './change/change.js';
import type { PatchedFile } from './change/patched-file.js';
import type { SourceChange } from './change/source-change.js';
import { readBases } from './code/bases.js';
import { type Differences, findDifferences } from './code/differences.js';
import { checkPerCpu, perCpuReserve } from './code/per-cpu-reserve.js';
import { Neighbours } from './code/shared-symbols.js';
import { makeTargetCode } from './code/target-code.js';
import { lastUpdate, rememberLast } from './invocation/last-update.js';
import { inRun, type Run } from './invocation/scope.js';
import { buildModuleDirectory } from './module-dir/build.js';
import { moduleDirectory, moduleFiles } from './module-dir/source.js';
import { type CoreModule, provideCore, withCore } from './modules/core-module.js';
import { buildFixedModules } from './modules/fixed-modules.js';
import { chooseId, deliver, packUpdate } from './modules/pack.js';
import { makeReport } from './modules/report.js';
import { checkSigning, signModules } from './modules/sign.js';
import { buildUpdateModules } from './modules/update-modules.js';
import { codeFiles, isCode } from './objects/choose-objects.js';
import { compilePost, compilePre } from './objects/compile.js';
import { rulesOfNew } from './objects/new-objects.js';
import { WantedTargets } from './objects/wanted-targets.js';
import { type CreateOptions, checkRequest } from './request.js';
import { describesTypes, type KernelHeaders, readHeaders } from './tree/kbuild.js';
import { type KernelFacts, readKernelFacts } from './tree/kernel-facts.js';
import { askTableSizes } from './tree/table-sizes.js';
import { checkCacheDirectory, openWorkspace, sourceOf } from './tree/workspace.js';
import type { ChangedTarget, Comparing, Report, TargetCode } from './values.js';

export interface CreatedUpdate {
  readonly id: string;
  /** Path of the tarball. */
  readonly file: string;
  readonly description: string;
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
    const facts = run.onDemand(() => readKernelFacts(confdir, options.image, run.ui));
    // An image that was named may be a wrong one: that is told before anything is compiled.
    if (options.image !== undefined) await facts();
    const building = run.background(provideCore(confdir, facts, options.jobs, run.ui));
    const compiled = await compileStates(task, facts, run);
    // The work tree is as it was; there are three objects of each kind.
    const differences = await compareStates(task, compiled, run);
    // Every change is one that can be made on a running kernel; the work tree is free for others.
    const core = await building;
    const known = withCore(await compiled.facts, core);
    const { code, neighbours } = await makeCode(task, differences, compiled.tables, known, run);
    // The image, if there is one, holds the old code; all symbols of the new code are found.
    const kernel = { known, core };
    const contents = await makeModules(task, code, neighbours, kernel, differences.fixed, run);
    const description = options.description ?? change.description;
    const report = reportOf(task, differences, compiled, code, known, run);
    const { allowBusy = [], allowLayout = [] } = options;
    const texts = { diff: change.diff, description, report, allowBusy, allowLayout };
    const files = { modules: run.directory.stage('5-modules'), fixed: differences.fixed };
    const parts = { id: task.id, contents, ...files, ...texts };
    const { archive, update } = await packUpdate(parts, run.directory.stage('6-pack'));
    run.directory.lap('pack');
    const proof = known.image && proveAgainst(update, known.image.kernel, run.ui);
    run.directory.lap('prove');
    // If there is an image, the update as packed would be accepted by that kernel.
    const file = deliver(archive, options.output);
    await change.git?.remember(options.series ?? false, ui);
    rememberLast(options.confdir, file);
    for (const { what, ms } of run.directory.timings) ui.detail(`${what}: ${ms} ms`);
    return { id: task.id, file, description, proof: proof ?? null, report };
  });
}

/** What is to be done, as far as it is known before anything is compiled. */
interface Task {
  readonly options: CreateOptions;
  readonly id: string;
  readonly confdir: Confdir;
  /** The user's tree, or a module's directory. */
  readonly source: string;
  readonly bases: readonly Update[];
  readonly change: SourceChange;
  /** Changed files of code: all since the boot, and with each of the updates below. */
  readonly files: readonly PatchedFile[];
  readonly below: readonly (readonly PatchedFile[])[];
  /** Changed build rules, for files that are new. */
  readonly rules: readonly PatchedFile[];
}

async function readTask(options: CreateOptions, ui: Ui): Promise<Task> {
  const id = chooseId(options.id);
  const confdir = await readConfdir(options.confdir);
  const source = sourceFor(options, confdir);
  checkCacheDirectory(source);
  if (options.signing) checkSigning(options.signing, confdir);
  const bases = await readBases(updatesBelow(options), confdir.release);
  const change = await loadChange(options, source, bases, ui);
  const ofKind = options.module ? moduleFiles : (list: readonly PatchedFile[]) => list;
  const files = codeFiles(ofKind(change.files), ui);
  const below = change.below.map((state) => ofKind(state).filter(isCode));
  const rules = rulesOfNew(ofKind(change.files));
  return { options, id, confdir, source, bases, change, files, rules, below };
}

async function compileStates(task: Task, facts: () => Promise<KernelFacts>, run: Run) {
  const { options, confdir, source, files, rules, below, change } = task;
  const { jobs } = options;
  const headers = readHeaders(confdir.build, confdir.release, confdir.flags);
  const wanted = new WantedTargets(options.onlyTargets ?? []);
  const area = run.directory.stage('1-pre');
  const comparing = howTypesAreCompared(files, below, headers, run.ui);
  const types = comparing === 'compared';
  const request = { source, files, rules, wanted, confdir, headers, facts, jobs, types, area };
  const module = options.module ? await buildModuleDirectory(request, run.ui) : undefined;
  const tree = (await change.git?.checkOut(run.undo, run.ui)) ?? source;
  const work = module
    ? module.work
    : await openWorkspace(tree, confdir.config, headers, jobs, run.undo, run.ui, { types });
  run.directory.lap('work tree');
  // The work tree is the source, configured as the distribution's build was.
  const { pre, considered, notes } =
    module ?? (await compilePre(work, { files, rules }, wanted, run));
  const compiling = compilePost(work, files, pre, { below, git: change.git }, run);
  // The compilers are at work, and this process has nothing else to do.
  const known = facts();
  const objects = await compiling;
  const tables = await askTableSizes(work, run.ui, module?.model);
  return {
    work,
    considered,
    notes,
    objects,
    tables,
    comparing,
    facts: module ? module.facts : known,
  };
}

/** Where the change cannot touch a type, the compiler need not describe them. */
function howTypesAreCompared(
  files: readonly PatchedFile[],
  below: readonly (readonly PatchedFile[])[],
  headers: KernelHeaders,
  ui: Ui,
): Comparing {
  if (!mayChangeTypes([...files, ...below.flat()])) return 'not touched';
  if (describesTypes(headers)) return 'compared';
  ui.warn(
    `the change may alter the layout of data, and ${headers.compiler} cannot tell: that the new code fits the objects that exist is not checked`,
  );
  return 'not possible';
}

type Compiled = Awaited<ReturnType<typeof compileStates>>;

async function compareStates({ options, files, rules, bases }: Task, compiled: Compiled, run: Run) {
  const { work, objects, tables } = compiled;
  const { directory, ui } = run;
  ui.stage(`comparing ${count(objects.length, 'object')}`);
  const { allowLayout = [] } = options;
  const types = { comparing: compiled.comparing, allowed: allowLayout };
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
  { id, options, confdir, bases }: Task,
  { targets, homes }: Differences,
  tables: TableSizes,
  known: KernelFacts,
  run: Run,
) {
  run.directory.lap('kernel image');
  const compared = known.image ? ` and comparing it with ${known.image.kernel.origin}` : '';
  run.ui.stage(`extracting new code${compared}`);
  const neighbours = new Neighbours(id, targets);
  const found: TargetCode[] = [];
  for (const target of targets) {
    const company = { bases, homes, neighbours };
    found.push(await makeTargetCode(id, target, known, tables, run.ui, company));
  }
  const code = neighbours.inOrder(found);
  checkPerCpu(code, perCpuReserve(readFileSync(confdir.config, 'utf8')));
  keepCode(run, code);
  checkAllowBusy(code, options.allowBusy ?? []);
  run.directory.lap('match and extract');
  return { code, neighbours };
}

/** @param fixed modules for the disk, which are signed with the update's */
async function makeModules(
  { id, options, confdir, bases }: Task,
  code: readonly TargetCode[],
  neighbours: Neighbours,
  { known, core }: { readonly known: KernelFacts; readonly core: CoreModule },
  fixed: readonly string[],
  { directory, ui }: Run,
): Promise<Contents> {
  directory.lap('kernel core');
  ui.stage(`building ${count(code.length * 2, 'module')}`);
  const place = directory.stage('5-modules');
  const kernel = { confdir, core, symvers: known.symvers ?? [], below: bases };
  const contents = await buildUpdateModules(id, code, kernel, place, options.jobs, ui);
  neighbours.checkPositions(code, (module) => readFileSync(join(place, `${module}.ko`)));
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
  known: KernelFacts,
  { directory }: Run,
): Report {
  const changes = { on: bases.map(({ id }) => id), targets, considered, layout };
  return makeReport(confdir.release, changes, code, [...leftOut, ...notes], known, directory);
}

/** With --series, without git: the last update that was made is the one that runs. */
function updatesBelow({ on = [], series, git, confdir }: CreateOptions): readonly string[] {
  const last = series && git === undefined ? lastUpdate(confdir) : undefined;
  return last === undefined ? on : [...on, last];
}

function sourceFor({ module, source }: CreateOptions, confdir: Confdir): string {
  return module === undefined ? sourceOf(source, confdir) : moduleDirectory(module);
}

function checkAllowBusy(code: readonly TargetCode[], names: readonly string[]): void {
  if (names.length === 0) return;
  const problems = busyProblems(
    code.map(({ generated }) => generated.program),
    names,
  );
  if (problems.length > 0) {
    throw problemsError('refused-change', 'not every function can be busy', problems);
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
