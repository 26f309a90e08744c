#!/usr/bin/env node
// Starts the compiled program. `--version` is answered here: a script may ask a
// hundred hosts for it at once, and should not wait until the whole program is
// loaded.

const { existsSync, readFileSync, statSync } = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { loadBundle } = require('./load-bundle.js');

const root = path.dirname(__dirname);
const modules = path.join(root, 'dist/cli/main.js');
// The package for hosts has only the second one.
const bundle = ['dist/ksplice-ts.cjs', 'dist/ksplice-ts-host.cjs']
  .map((name) => path.join(root, name))
  .find(existsSync);

survivePoorOutput();
const args = process.argv.slice(2);
const json = args.includes('--json');
const asksVersion =
  args.includes('--version') && args.every((arg) => /^--(version|json)$/.test(arg));

if (asksVersion) {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  process.stdout.write(json ? `${JSON.stringify({ ok: true, version })}\n` : `${version}\n`);
} else if (!existsSync(modules) && bundle === undefined) {
  const advice = 'Run `npm install && npm run build` in its directory first.';
  refuse('internal', 'ksplice-ts is not compiled yet', advice);
} else if (!isSomewhere()) {
  refuse('io', 'the current directory is gone', 'Change to another one first.');
} else {
  run();
}

async function run() {
  const { main } = bundleIsCurrent()
    ? loadBundle(bundle).exports
    : await import(pathToFileURL(modules).href);
  const status = await main(args);
  process.exitCode = status || process.exitCode;
}

/** Node's word for a directory that was removed is a stack trace. */
function isSomewhere() {
  try {
    return process.cwd() !== '';
  } catch {
    return false;
  }
}

function refuse(code, message, advice) {
  if (json) {
    const error = { code, message, advice, details: null };
    process.stdout.write(`${JSON.stringify({ ok: false, error })}\n`);
  } else {
    process.stderr.write(`error: ${message} (${code})\n  ${advice}\n`);
  }
  process.exitCode = 1;
}

/**
 * Failed output must not stop the work: an update is applied even if its log goes to a full
 * disk. A lost result is reported at the end. A reader that closes the pipe early (`ksplice-ts
 * view | head`) is no error.
 */
function survivePoorOutput() {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error) => {
    if (error.code === 'EPIPE' || process.exitCode) return;
    process.exitCode = 1;
    process.stderr.write(
      `error: the result cannot be written: ${error.message} (io)\n` +
        '  Only the words are lost: what was to be done was done, or refused, as ever.\n',
    );
  });
}

/** A developer's `tsc` alone must not leave the old bundle running. */
function bundleIsCurrent() {
  if (bundle === undefined) return false;
  // A package has nothing but the bundle.
  const compiled = statSync(modules, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return statSync(bundle).mtimeMs >= compiled;
}
