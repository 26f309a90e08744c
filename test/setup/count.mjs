// Adds up the results that test/setup/tests.sh left, and is the verdict of the
// run: exit status 0 only when every project ran tests and every test passed.
// A skipped test counts as failed: it proves nothing, and hides that. One that is not for this kernel says
// so behind its name (test/support/where.ts); it is counted apart, and printed with its reason.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...projects] = process.argv.slice(2);
let passed = 0;
const failures = [];
const leftOut = [];

mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder).filter((name) => name.endsWith('.check'))) {
  if (readFileSync(join(folder, file), 'utf8').trim() === 'passed') passed++;
  else failures.push(file.replace('.check', ''));
}
for (const project of projects) {
  const before = passed + failures.length;
  const files = readProject(project);
  for (const file of files) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed++;
      else if (isLeftOut(test)) leftOut.push(`${project}: ${test.fullName}`);
      else failures.push(`${project}: ${test.fullName} (${test.status})${reason(test)}`);
    }
    // A file that fails before or after its tests (it does not load, a hook throws).
    const isFine = (test) => test.status === 'passed' || isLeftOut(test);
    if (file.status === 'failed' && file.assertionResults.every(isFine)) {
      failures.push(`${project}: ${file.name}: ${file.message.split('\n')[0]}`);
    }
  }
  if (passed + failures.length === before) failures.push(`${project}: no test ran`);
  // Of projects that ran together, each has a folder.
  else if (project.includes('+')) {
    for (const part of project.split('+')) {
      const isPart = ({ name }) => name.includes(`/test/${part}/`);
      if (!files.some(isPart)) failures.push(`${part}: no test ran`);
    }
  }
}

function isLeftOut({ status, fullName }) {
  return status === 'skipped' && fullName.includes('[not for this kernel: ');
}

/** What a failed test said: where the run cannot be seen any more, it is all that is left of it. */
function reason({ failureMessages }) {
  const lines = (failureMessages?.[0] ?? '').split('\n').filter((line) => !/^ +at /.test(line));
  return lines
    .slice(0, 12)
    .map((line) => `\n    ${line.slice(0, 300)}`)
    .join('');
}

/** The test files of a project in vitest's JSON report; none when the run left no report. */
function readProject(project) {
  try {
    return JSON.parse(readFileSync(join(folder, `${project}.json`), 'utf8')).testResults;
  } catch {
    return [];
  }
}

console.log(failures.map((name) => `failed: ${name}`).join('\n'));
if (leftOut.length > 0) {
  console.log(leftOut.map((name) => `left out: ${name}`).join('\n'));
  console.log(`${leftOut.length} not for this kernel`);
}
const verdict = `${passed} passed, ${failures.length} failed`;
writeFileSync(join(folder, 'verdict'), `${verdict}\n`);
console.log(verdict);
process.exit(failures.length === 0 && passed > 0 ? 0 : 1);
