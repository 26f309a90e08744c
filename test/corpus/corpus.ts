// `npm run corpus -- --from VERSION --to VERSION`: what create makes of the
// changes between two versions of the distribution's kernel source, one patch
// for each changed .c file, against the stock kernel of the older version.
// docs/corpus.md says how to read the results.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import yargs from 'yargs';
import { KspliceError } from '../../src/base/errors.js';
import type { Ui } from '../../src/base/ui.js';
import { readConfdir } from '../../src/configure/confdir.js';
import { configure } from '../../src/configure/configure.js';
import { loadPatch } from '../../src/create/change/source-patch.js';
import { perCpuReserve } from '../../src/create/code/per-cpu-reserve.js';
import { UndoStack } from '../../src/create/invocation/undo-stack.js';
import { provideCore, withCore } from '../../src/create/modules/core-module.js';
import { ObjectTexts } from '../../src/create/objects/object-texts.js';
import { findOutsideUsers } from '../../src/create/objects/outside-users.js';
import { readBuildHeaders } from '../../src/create/tree/kbuild.js';
import { KbuildLists } from '../../src/create/tree/kbuild-lists.js';
import { readKernelFacts } from '../../src/create/tree/kernel-facts.js';
import { askTableSizes } from '../../src/create/tree/table-sizes.js';
import { openWorkspace } from '../../src/create/tree/workspace.js';
import type { CompiledObject } from '../../src/create/values.js';
import type { TestKernel } from '../kernels/kernel.js';
import { applyInGuest } from './apply.js';
import { buildUpdates, type Candidate, type Surroundings } from './build.js';
import { type Chosen, choose, compileAll } from './compile.js';
import { judge } from './judge.js';
import { type ObjectPair, PAIRS_FILE } from './pairs.js';
import { type CorpusPatch, changedFiles, spread, writePatch } from './patches.js';
import { judgeError, newRow, type Row, sum } from './rows.js';
import { type Circumstances, markdown } from './table.js';

/** Patches that are compiled, judged and built together: one start of make for all. */
const BATCH = 20;

/** Where the fixes of a point release are that most machines run. */
const PATHS = ['kernel', 'mm', 'fs', 'net', 'block', 'security', 'crypto', 'lib', 'arch/x86'];

const options = await yargs(process.argv.slice(2))
  .scriptName('npm run corpus --')
  .option('from', { type: 'string', demandOption: true, describe: 'Version of the kernel' })
  .option('to', { type: 'string', demandOption: true, describe: 'Version with the changes' })
  .option('paths', { type: 'string', array: true, default: PATHS, describe: 'Files, directories' })
  .option('limit', {
    type: 'number',
    default: Infinity,
    describe: 'Run that many, from everywhere',
  })
  .option('apply', { type: 'boolean', default: false, describe: 'Apply and undo in one boot' })
  .option('build', { type: 'boolean', describe: 'Build the updates and prove them as packed' })
  .option('jobs', { type: 'number', default: availableParallelism() })
  .option('minutes', { type: 'number', default: 60, describe: 'The longest that the guest runs' })
  .option('output', { type: 'string', default: '.work/corpus', describe: 'Directory of results' })
  .strict()
  .parseAsync();
// The first signal ends the compiling, the second one everything.
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());

const say = (text: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);
const ui: Ui = {
  stage: () => {},
  progress: () => {},
  info: () => {},
  warn: (text) => say(text),
  detail: () => {},
  signal: stop.signal,
};

async function fetchKernel(): Promise<TestKernel & { toSource: string }> {
  const script = join(import.meta.dirname, 'fetch.sh');
  const { stdout } = await execa('bash', [script, options.from, options.to], { stderr: 'inherit' });
  return JSON.parse(stdout);
}

async function main(): Promise<void> {
  const began = Date.now();
  const output = join(process.cwd(), options.output);
  mkdirSync(output, { recursive: true });
  const kernel = await fetchKernel();
  const patchDir = join(output, 'patches');
  const changed = await changedFiles(kernel.source, kernel.toSource, options.paths);
  const patches: CorpusPatch[] = [];
  for (const path of spread(changed).slice(0, options.limit)) {
    patches.push(await writePatch(path, kernel.source, kernel.toSource, patchDir));
  }
  say(`${changed.length} files differ, ${patches.length} of them are run`);
  const rows: Row[] = [];
  const write = () => {
    const about: Circumstances = {
      from: options.from,
      to: options.to,
      release: kernel.release,
      paths: options.paths,
      found: changed.length,
      seconds: (Date.now() - began) / 1000,
    };
    writeFileSync(join(output, 'corpus.md'), markdown(rows, about));
    writeFileSync(
      join(output, 'corpus.json'),
      `${JSON.stringify({ ...about, sums: sum(rows), rows }, null, 2)}\n`,
    );
  };
  const pairs: ObjectPair[] = [];
  const items = await runAll(patches, kernel, output, rows, pairs, write);
  writeFileSync(join(output, PAIRS_FILE), JSON.stringify(pairs));
  write();
  if (options.apply && items.length > 0) await applyAll(items, rows, kernel, output);
  write();
  const { byVerdict, proved, applied } = sum(rows);
  say(JSON.stringify({ ...byVerdict, proved, applied }));
  say(`the results are in ${output}`);
}

/** An update that was built, and its row. */
interface Item {
  readonly id: string;
  readonly file: string;
  readonly row: Row;
}

/** Everything but the guest, batch by batch; results are written after each. */
async function runAll(
  patches: readonly CorpusPatch[],
  kernel: TestKernel,
  output: string,
  rows: Row[],
  pairs: ObjectPair[],
  write: () => void,
): Promise<Item[]> {
  const undo = new UndoStack();
  const items: Item[] = [];
  try {
    const { jobs } = options;
    const dir = join(output, 'conf');
    const { release, source, image } = kernel;
    await configure({ confdir: dir, release, source, image }, ui);
    const confdir = await readConfdir(dir);
    const headers = readBuildHeaders(confdir.build, confdir.release, confdir.flags);
    const work = await openWorkspace(source, confdir.config, headers, jobs, undo, ui, {
      types: true,
    });
    say('the work tree is ready');
    const tables = await askTableSizes(work, ui);
    const bare = await readKernelFacts(confdir, undefined, ui);
    const lists = new KbuildLists(work.kbuild, ui);
    const wantsBuild = options.build ?? options.apply;
    const core = wantsBuild
      ? await provideCore(confdir, Promise.resolve(bare), jobs, ui)
      : undefined;
    const facts = core ? withCore(bare, core) : bare;
    const reserve = perCpuReserve(readFileSync(confdir.config, 'utf8'));
    const trees = [source, confdir.build];
    const ground = { facts, tables, bases: [], perCpuReserve: reserve, trees };
    rmSync(join(output, 'updates'), { recursive: true, force: true });
    for (let at = 0; at < patches.length; at += BATCH) {
      const steps = await choose(patches.slice(at, at + BATCH), work, lists, ui);
      const chosen = steps.flatMap(({ result }) => (isError(result) ? [] : [result]));
      say(`${at}: compiling ${chosen.length} of ${steps.length}`);
      const compiled = await compileAll(chosen as Chosen[], work, ui);
      for (const { patch, result } of steps) if (isError(result)) rows.push(outside(patch, result));
      const candidates: (Candidate & { row: Row })[] = [];
      for (const step of compiled) {
        if (!isError(step.result)) pairs.push(...step.result.map(pairOf));
        const id = `c${rows.length + 1}`;
        const files = loadPatch(step.patch.file, work.source, ui);
        const users = isError(step.result)
          ? undefined
          : await findOutsideUsers(files, step.result, work.kbuild, ui);
        const texts = new ObjectTexts(work.kbuild, files, users);
        const { row, changed, made } = await judge(id, step, ground, texts, ui);
        rows.push(row);
        if (made) candidates.push({ id, row, patch: step.patch, changed, ...made });
      }
      if (core)
        items.push(...(await build(candidates, output, { confdir, facts, core, jobs, ui })));
      write();
      say(`${rows.length} done: ${JSON.stringify(sum(rows).byVerdict)}`);
    }
  } catch (error) {
    if (!(isError(error) && error.code === 'interrupted')) throw error;
    say('stopped; what is done by now counts');
  } finally {
    for (const what of undo.unwind()) say(`could not put back ${what}`);
  }
  return items;
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
  output: string,
  around: Surroundings,
): Promise<Item[]> {
  const updates = join(output, 'updates');
  const built = await buildUpdates(candidates, join(output, 'build'), updates, around);
  return built.flatMap(({ id, file, proof, error }) => {
    const { row } = candidates.find((candidate) => candidate.id === id)!;
    row.proved = proof !== undefined;
    if (error) row.message = (error as Error).message;
    return file && proof ? [{ id, file, row }] : [];
  });
}

async function applyAll(
  items: readonly Item[],
  rows: readonly Row[],
  kernel: TestKernel,
  output: string,
): Promise<void> {
  say(`applying ${items.length} updates of ${rows.length} patches in one boot`);
  const list = items.map(({ id, file, row }) => ({ id, file, targets: row.targets }));
  const results = await applyInGuest(list, kernel, output, options.minutes, (result, index) => {
    say(`${index + 1}/${items.length} ${items[index]?.row.patch}: ${JSON.stringify(result)}`);
  });
  for (const { id, row } of items) {
    const result = results.get(id);
    if (!result) continue;
    row.applied = result.outcome;
    row.appliedMessage = result.message;
  }
}

await main();
