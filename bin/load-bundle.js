// Loads dist/ksplice-ts.cjs with the code that V8 compiled for it when it was
// built: what `require` cannot do.

const { existsSync, readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { Script } = require('node:vm');

/**
 * @param {string} filename of the bundle
 * @returns its exports, and the script, to make the cache from
 */
function loadBundle(filename) {
  const source = readFileSync(filename, 'utf8');
  const wrapped = `(function (exports, require, module, __filename) {${source}\n})`;
  const cache = cacheOf(filename);
  // V8 looks whether the cache is of this version of it, and of this source.
  const cachedData = existsSync(cache) ? readFileSync(cache) : undefined;
  const script = new Script(wrapped, { filename, cachedData });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(filename), module, filename);
  return { exports: module.exports, script };
}

/** Where the compiled code of a bundle is kept. */
function cacheOf(filename) {
  return `${filename}.cache`;
}

module.exports = { cacheOf, loadBundle };
