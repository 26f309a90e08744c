// The stages of create on many patches: first each changed file by itself, then those that do
// not compile alone together with the files that they need.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../src/base/errors.js';
import type { Ui } from '../../src/base/ui.js';
import { type Confdir, readConfdir } from '../../src/configure/confdir.js';
import { configure } from '../../src/configure/configure.js';
import type { PatchedFile } from '../../src/create/change/patched-file.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { perCpuReserve } from '../../src/create/code/per-cpu-reserve.js';
import type { CodeGround } from '../../src/create/code/update-code.js';
import type { UndoStack } from '../../src/create/invocation/undo-stack.js';
import { type CoreModule, provideCore, withCore } from '../../src/create/modules/core-module.js';
import { ObjectTexts } from '../../src/create/objects/object-texts.js';
import { findOutsideUsers } from '../../src/create/objects/outside-users.js';
import { readBuildHeaders } from '../../src/create/tree/kbuild.js';
import { KbuildLists } from '../../src/create/tree/kbuild-lists.js';
import { readKernelFacts } from '../../src/create/tree/kernel-facts.js';
import { askTableSizes } from '../../src/create/tree/table-sizes.js';
import { openWorkspace, type Workspace } from '../../src/create/tree/workspace.js';
import type { CompiledObject } from '../../src/create/values.js';
import type { TestKernel } from '../kernels/kernel.js';
import { buildUpdates, type Candidate } from './build.js';
import { choose, compileAll, type Step } from './compile.js';
import { groupName } from './groups.js';
import {
  type Joined,
  type JoinGround,
  joinFiles,
  type NotJoined,
  withDefinitions,
} from './join.js';
import { type Judged, judge } from './judge.js';
import type { ObjectPair } from './pairs.js';
import type { CorpusPatch } from './patches.js';
import { judgeError, newRow, type Row, sum } from './rows.js';

/** Patches that are compiled, judged and built together: one start of make for all. */
const BATCH = 20;

/** All that patches are judged on. */
export interface Bench {
  readonly work: Workspace;
  readonly lists: KbuildLists;
  readonly code: CodeGround;
  readonly confdir: Confdir;
  /** Undefined if no updates are built. */
  readonly core: CoreModule | undefined;
  readonly jobs: number;
  readonly output: string;
  readonly ui: Ui;
  readonly say: (text: string) => void;
}

/** What comes of a run; all of it grows meanwhile. */
export interface Results {
  readonly rows: Row[];
  readonly groups: Row[];
  readonly notJoined: NotJoined[];
  readonly pairs: ObjectPair[];
  readonly items: Item[];
}

/** An update that was built, and its row. */
export interface Item {
  readonly id: string;
  readonly file: string;
  readonly row: Row;
}

export async function openBench(
  { release, source, image }: TestKernel,
  output: string,
  { jobs, build }: { readonly jobs: number; readonly build: boolean },
  undo: UndoStack,
  ui: Ui,
  say: (text: string) => void,
): Promise<Bench> {
  const dir = join(output, 'conf');
  await configure({ confdir: dir, release, source, image }, ui);
  const confdir = await readConfdir(dir);
  const headers = readBuildHeaders(confdir.build, confdir.release, confdir.flags);
  const work = await openWorkspace(source, confdir.config, headers, jobs, undo, ui, {
    types: true,
  });
  say('the work tree is ready');
  const tables = await askTableSizes(work, ui);
  const bare = await readKernelFacts(confdir, undefined, ui);
  const core = build ? await provideCore(confdir, Promise.resolve(bare), jobs, ui) : undefined;
  const facts = core ? withCore(bare, core) : bare;
  const reserve = perCpuReserve(readFileSync(confdir.config, 'utf8'));
  const trees = [source, confdir.build];
  const code = { facts, tables, bases: [], perCpuReserve: reserve, trees };
  rmSync(join(output, 'updates'), { recursive: true, force: true });
  return {
    work,
    lists: new KbuildLists(work.kbuild, ui),
    code,
    confdir,
    core,
    jobs,
    output,
    ui,
    say,
  };
}

/**
 * Each patch by itself, batch by batch.
 * @param write called after each batch
 * @returns the files that do not compile alone
 */
export async function runSingles(
  patches: readonly CorpusPatch[],
  bench: Bench,
  { rows, pairs, items }: Results,
  write: () => void,
): Promise<string[]> {
  const { work, lists, ui, say } = bench;
  const needy: string[] = [];
  for (let at = 0; at < patches.length; at += BATCH) {
    const steps = await choose(patches.slice(at, at + BATCH), work, lists, ui);
    const chosen = steps.flatMap(({ result }) => (isError(result) ? [] : [result]));
    say(`${at}: compiling ${chosen.length} of ${steps.length}`);
    const compiled = await compileAll(chosen, work, ui);
    for (const { patch, result } of steps) if (isError(result)) rows.push(outside(patch, result));
    const candidates: (Candidate & { row: Row })[] = [];
    for (const step of compiled) {
      if (!isError(step.result)) pairs.push(...step.result.map(pairOf));
      const id = `c${rows.length + 1}`;
      const files = loadPatch(step.patch.file, work.source, ui);
      const { row, changed, made } = await judgeStep(id, step, files, bench);
      rows.push(row);
      if (row.verdict === 'uncompilable') needy.push(step.patch.path);
      if (made) candidates.push({ id, row, patch: step.patch, changed, ...made });
    }
    items.push(...(await build(candidates, bench)));
    write();
    say(`${rows.length} done: ${JSON.stringify(sum(rows).byVerdict)}`);
  }
  return needy;
}

/**
 * Files that do not compile alone, each with those that it needs; one that a former group has is done.
 * @param needy by runSingles()
 */
export async function runGroups(
  needy: readonly string[],
  bench: Bench,
  ground: JoinGround,
  { groups, notJoined, items }: Results,
  write: () => void,
): Promise<void> {
  const done = new Set<string>();
  for (const path of needy) {
    if (done.has(path)) continue;
    const id = `g${groups.length + 1}`;
    const joined = await joinFiles([path], ground);
    if (joined.kind === 'not joined') {
      notJoined.push(joined);
      bench.say(`${path}: ${joined.why}`);
    } else {
      const { judged, patch, paths } = await judgeGroup(id, joined, ground, bench);
      for (const one of paths) done.add(one);
      const { row, changed, made } = judged;
      groups.push(row);
      bench.say(`${row.patch}: ${row.verdict} ${row.code}`);
      if (made) items.push(...(await build([{ id, row, patch, changed, ...made }], bench)));
    }
    write();
  }
}

async function judgeGroup(
  id: string,
  joined: Joined,
  ground: JoinGround,
  bench: Bench,
): Promise<Pick<Joined, 'patch' | 'paths'> & { readonly judged: Judged }> {
  const { patch, paths, files, result } = joined;
  const judged = await judgeStep(id, { patch, result }, files, bench);
  const { error } = judged;
  if (isError(error) && error.code === 'unresolved-symbol') {
    const wider = await withDefinitions(joined, error, ground);
    const again = wider && (await joinFiles(wider, ground));
    if (again?.kind === 'joined') return judgeGroup(id, again, ground, bench);
  }
  const row = { ...judged.row, patch: groupName(paths), files: paths };
  return { patch, paths, judged: { ...judged, row } };
}

async function judgeStep(
  id: string,
  step: Step<CompiledObject[]>,
  files: readonly PatchedFile[],
  { work, code, ui }: Bench,
): Promise<Judged> {
  const users = isError(step.result)
    ? undefined
    : await findOutsideUsers(files, step.result, work.kbuild, ui);
  return judge(id, step, code, new ObjectTexts(work.kbuild, files, users), ui);
}

function isError(thing: unknown): thing is KspliceError {
  return thing instanceof KspliceError;
}

function pairOf({ name, sectioned, post }: CompiledObject): ObjectPair {
  return { object: name, pre: sectioned, post };
}

function outside(patch: CorpusPatch, error: KspliceError): Row {
  const row = newRow(patch.path, 'failed');
  judgeError(row, error);
  return row;
}

async function build(
  candidates: readonly (Candidate & { row: Row })[],
  { core, confdir, code, jobs, output, ui }: Bench,
): Promise<Item[]> {
  if (!core) return [];
  const around = { confdir, facts: code.facts, core, jobs, ui };
  const updates = join(output, 'updates');
  const built = await buildUpdates(candidates, join(output, 'build'), updates, around);
  return built.flatMap(({ id, file, proof, error }) => {
    const { row } = candidates.find((candidate) => candidate.id === id)!;
    row.proved = proof !== undefined;
    if (error) row.message = (error as Error).message;
    return file && proof ? [{ id, file, row }] : [];
  });
}
