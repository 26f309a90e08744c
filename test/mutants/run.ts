// `npm run mutants`: takes guards and features out of a copy of the committed program, one
// after the other, and runs the tests that must fail then. docs/guards.md is the table of it.
//
// usage: npm run mutants [-- WORD…]   those with one of the words in their description; the table
//                                     keeps what it says of the others

import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Mutant } from './mutant.js';
import { mutants } from './mutants.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TABLE = join(ROOT, 'docs', 'guards.md');

interface Outcome extends Mutant {
  /** The first test that failed, and how; undefined if all passed. */
  readonly noticed: { readonly test: string; readonly how: string } | undefined;
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function judge(mutant: Mutant, tree: string): Promise<Outcome> {
  const file = join(tree, mutant.file);
  const original = await readFile(file, 'utf8');
  await writeFile(
    file,
    original.replace(mutant.find, () => mutant.replace),
  );
  try {
    if (runsTheTool(mutant)) await execa('npm', ['run', 'build'], { cwd: tree });
    return { ...mutant, noticed: await firstFailure(mutant, tree) };
  } finally {
    await writeFile(file, original);
  }
}

/** Whether its tests call the program as it is built; those of units have the source, those of the core modules. */
function runsTheTool({ tests }: Mutant): boolean {
  return tests.startsWith('test/vm') && !tests.startsWith('test/vm/core');
}

async function firstFailure({ tests, only }: Mutant, tree: string): Promise<Outcome['noticed']> {
  const report = join(tree, 'report.json');
  await rm(report, { force: true });
  const project = tests.startsWith('test/vm') ? 'vm' : 'unit';
  const names = only === undefined ? [] : ['-t', only];
  const options = ['--project', project, '--reporter=json', `--outputFile=${report}`];
  await execa('npx', ['vitest', 'run', ...options, ...names, tests], {
    cwd: tree,
    reject: false,
    env: { TMPDIR: join(tree, 'tmp'), KSPLICE_TEST_LONG: 'yes' },
  });
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as Report;
  const ran = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = ran.find(({ status }) => status === 'failed');
  // What does not compile has taken nothing out.
  if (!ran.some(({ status }) => status === 'passed' || status === 'failed')) {
    throw new Error(`no test of ${tests} ran: does it compile?`);
  }
  if (failed === undefined) return undefined;
  const [how = ''] = (failed.failureMessages[0] ?? '').split('\n');
  return { test: failed.fullName.trim(), how: how.slice(0, 140) };
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

function row({ without, noticed }: Outcome): string {
  const fails =
    noticed === undefined
      ? '**nothing**'
      : `${cell(noticed.test)}: \`${cell(noticed.how).replaceAll('`', "'")}\``;
  return `| ${without} | ${fails} |`;
}

/** The table with the rows of what was taken out now, and those that it had of the rest. */
async function table(outcomes: readonly Outcome[]): Promise<string> {
  const before = (await readFile(TABLE, 'utf8').catch(() => '')).split('\n');
  const rows = mutants.flatMap(({ without }) => {
    const outcome = outcomes.find((one) => one.without === without);
    if (outcome) return [row(outcome)];
    return before.filter((line) => line.startsWith(`| ${without} | `));
  });
  return [
    '# Guards that the tests notice',
    '',
    '*For people who change the code.*',
    '',
    '`npm run mutants` takes each guard and feature out of the program by a small change (`test/mutants`), and runs tests on the',
    'stock kernel or on files. The table has the first test that failed. The command can be given a few guards to try;',
    `here are ${rows.length} of ${mutants.length}.`,
    '',
    '| without | fails |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n');
}

const words = process.argv.slice(2);
const chosen = mutants.filter(
  ({ without }) => words.length === 0 || words.some((word) => without.includes(word)),
);
const tree = await mkdtemp(join(tmpdir(), 'ksplice-mutants-'));
const outcomes: Outcome[] = [];
try {
  await execa('git', ['clone', '--quiet', ROOT, tree]);
  await execa('mkdir', [join(tree, 'tmp')]);
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  for (const mutant of chosen) {
    process.stdout.write(`without ${mutant.without}: `);
    const outcome = await judge(mutant, tree);
    outcomes.push(outcome);
    await writeFile(TABLE, await table(outcomes));
    const { noticed } = outcome;
    console.log(noticed === undefined ? 'NOTHING FAILS' : `${noticed.test}: ${noticed.how}`);
  }
} finally {
  await rm(tree, { recursive: true, force: true });
}
const unnoticed = outcomes.filter(({ noticed }) => noticed === undefined);
console.log(`${outcomes.length} taken out, ${unnoticed.length} not noticed`);
process.exitCode = unnoticed.length > 0 || outcomes.length === 0 ? 1 : 0;
