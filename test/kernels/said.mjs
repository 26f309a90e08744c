// What a step of new.sh has to say, in a few lines: the words of the tool where it failed, and the sums
// of the corpus.
//
// usage: said.mjs STATUS REPORT LOG   the step's exit status; its report, if it left one; its output

import { existsSync, readFileSync } from 'node:fs';

const [status, reportFile, log] = process.argv.slice(2);
const failed = status !== '0';
/** As new.sh has it: the last line says why nothing was done. */
const LEFT_OUT = '77';
/** Lines of one failure that are shown; all of them are in the log. */
const MOST = 12;

const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : {};
console.log(ofReport(report).join('\n'));

function ofReport({ testResults, sums, rows }) {
  if (sums) return ofCorpus(sums, rows);
  const said = testResults && failed ? ofTests(testResults) : [];
  if (said.length > 0 || !failed) return said;
  return ofLog(readFileSync(log, 'utf8'));
}

function ofCorpus({ total, byVerdict }, rows) {
  const counts = Object.entries(byVerdict).filter(([, count]) => count > 0);
  const wrong = rows.filter(({ verdict }) => verdict === 'failed');
  return [
    `${total} files: ${counts.map(([verdict, count]) => `${count} ${verdict}`).join(', ')}`,
    ...wrong.flatMap(({ patch, code, message }) => short(`${patch}: ${message} (${code})`)),
  ];
}

function ofTests(files) {
  return files.flatMap(({ status, name, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status !== 'passed');
    // It did not load, or what is done before or after its tests failed.
    if (tests.length === 0) return status === 'failed' ? short(`${name}: ${message}`) : [];
    return tests.flatMap(({ fullName, status, failureMessages }) => {
      // Tests are skipped if what is done before them fails; that is the file's message.
      const said = failureMessages.join('\n') || message;
      return [`${fullName}: ${status}`, ...short(toolsWords(said) ?? said)];
    });
  });
}

/** The error that a command of the tool printed with --json. */
function toolsWords(text) {
  const line = text.split('\n').find((line) => line.startsWith('{"ok":false,'));
  if (line === undefined) return undefined;
  const { code, message, details } = JSON.parse(line).error;
  const problems = (details?.problems ?? []).map((problem) => `- ${problem.message}`);
  return [`${message} (${code})`, ...problems].join('\n');
}

/** From the tool's error on; without one, the end. */
function ofLog(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (status === LEFT_OUT) return lines.slice(-1);
  const error = lines.findIndex((line) => /^error: /.test(line));
  return error < 0 ? lines.slice(-MOST) : short(lines.slice(error).join('\n'));
}

function short(text) {
  const lines = text.split('\n').filter((line) => !/^ +at /.test(line));
  return lines.length > MOST ? [...lines.slice(0, MOST), '…'] : lines;
}
