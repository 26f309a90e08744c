// `npm run corpus -- --from VERSION --to VERSION`: what create makes of the
// changes between two versions of the distribution's kernel source, one patch
// for each changed .c file, against the stock kernel of the older version.
// docs/corpus.md says how to read the results.

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import yargs from 'yargs';
import { KspliceError } from '../../src/base/errors.js';
import type { Ui } from '../../src/base/ui.js';
import { UndoStack } from '../../src/create/invocation/undo-stack.js';
import type { TestKernel } from '../kernels/kernel.js';
import { applyInGuest } from './apply.js';
import { PAIRS_FILE } from './pairs.js';
import { allChanged, type CorpusPatch, changedFiles, spread, writePatch } from './patches.js';
import { sum } from './rows.js';
import { openBench, type Results, runGroups, runSingles } from './run.js';
import { type Circumstances, markdown } from './table.js';

/** Where the fixes of a point release are that most machines run. */
const PATHS = ['kernel', 'mm', 'fs', 'net', 'block', 'security', 'crypto', 'lib', 'arch/x86'];

const options = await yargs(process.argv.slice(2))
  .scriptName('npm run corpus --')
  .epilogue('--suite SUITE, before all others: kernels of another release of Debian (trixie)')
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
  .option('groups', {
    type: 'boolean',
    default: false,
    describe: 'Join files that do not compile alone with those that they need',
  })
  .option('objects', {
    type: 'number',
    default: 60,
    describe: 'Leave groups out whose headers are part of more objects',
  })
  .option('jobs', { type: 'number', default: availableParallelism() })
  .option('minutes', { type: 'number', default: 60, describe: 'The longest that the guest runs' })
  .option('output', { type: 'string', default: '.work/corpus', describe: 'Directory of results' })
  .strict()
  .parseAsync();
// The first signal ends the compiling, the second one everything.
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // Not once(): where nobody listens any more, tsx ends the process.
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  });
}

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
  const changed = await changedFiles(kernel.source, kernel.toSource, options.paths);
  const patches: CorpusPatch[] = [];
  for (const path of spread(changed).slice(0, options.limit)) {
    patches.push(await writePatch(path, kernel.source, kernel.toSource, join(output, 'patches')));
  }
  say(`${changed.length} files differ, ${patches.length} of them are run`);
  const results: Results = { rows: [], groups: [], notJoined: [], pairs: [], items: [] };
  const write = () => {
    const about: Circumstances = {
      from: options.from,
      to: options.to,
      release: kernel.release,
      paths: options.paths,
      found: changed.length,
      seconds: (Date.now() - began) / 1000,
    };
    const { rows, groups, notJoined } = results;
    writeFileSync(join(output, 'corpus.md'), markdown(results, about));
    const sums = { sums: sum(rows), sumsOfGroups: sum(groups) };
    writeFileSync(
      join(output, 'corpus.json'),
      `${JSON.stringify({ ...about, ...sums, rows, groups, notJoined }, null, 2)}\n`,
    );
  };
  await runAll(patches, kernel, output, results, write);
  writeFileSync(join(output, PAIRS_FILE), JSON.stringify(results.pairs));
  write();
  if (options.apply && results.items.length > 0) await applyAll(results, kernel, output);
  write();
  for (const rows of [results.rows, results.groups]) {
    const { byVerdict, proved, applied } = sum(rows);
    if (rows.length > 0) say(JSON.stringify({ ...byVerdict, proved, applied }));
  }
  say(`the results are in ${output}`);
}

/** Everything but the guest; results are written again and again. */
async function runAll(
  patches: readonly CorpusPatch[],
  kernel: TestKernel & { toSource: string },
  output: string,
  results: Results,
  write: () => void,
): Promise<void> {
  const undo = new UndoStack();
  try {
    const how = { jobs: options.jobs, build: options.build ?? options.apply };
    const bench = await openBench(kernel, output, how, undo, ui, say);
    const needy = await runSingles(patches, bench, results, write);
    if (!options.groups || needy.length === 0) return;
    say(`${needy.length} files do not compile alone: looking for what they need`);
    const { source: from, toSource: to } = kernel;
    const ground = {
      from,
      to,
      changed: await allChanged(from, to),
      patches: join(output, 'patches'),
      workspace: bench.work,
      lists: bench.lists,
      mostObjects: options.objects,
      ui,
    };
    await runGroups(needy, bench, ground, results, write);
  } catch (error) {
    if (!(error instanceof KspliceError && error.code === 'interrupted')) throw error;
    say('stopped; what is done by now counts');
  } finally {
    for (const what of undo.unwind()) say(`could not put back ${what}`);
  }
}

async function applyAll(
  { items }: Pick<Results, 'items'>,
  kernel: TestKernel,
  output: string,
): Promise<void> {
  say(`applying ${items.length} updates in one boot`);
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
