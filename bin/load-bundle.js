// Loads dist/ksplice-ts.cjs with the code that V8 compiled for it when it was
// built: what `require` cannot do.

const { createHash } = require('node:crypto');
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { Script } = require('node:vm');

/**
 * @param {string} filename of the bundle
 * @returns its exports, and `keepCompiled`, which makes the cache of what has been compiled by then
 */
function loadBundle(filename) {
  const source = readFileSync(filename, 'utf8');
  const wrapped = `(function (exports, require, module, __filename) {${source}\n})`;
  const cachedData = readCache(filename, source);
  const script = new Script(wrapped, { filename, cachedData });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(filename), module, filename);
  return {
    exports: module.exports,
    script,
    keepCompiled: () => writeCache(filename, source, script),
  };
}

/**
 * Where the compiled code of a bundle is kept, behind a checksum of both. Node that was started with
 * options of V8 takes none but what was compiled with the same, so that has a file of its own.
 */
function cacheOf(filename) {
  const options = process.execArgv.filter((option) => option.startsWith('--')).join(' ');
  if (options === '') return `${filename}.cache`;
  const name = createHash('sha256').update(options).digest('hex').slice(0, 8);
  return `${filename}.${name}.cache`;
}

/**
 * V8 looks whether compiled code is of its own version, and of a source of that length; it does not
 * look whether either was changed, and crashes. Without the cache all is compiled anew.
 */
function readCache(filename, source) {
  // Not every option makes a difference to V8: it looks itself.
  const file = [cacheOf(filename), `${filename}.cache`].find(existsSync);
  if (file === undefined) return undefined;
  const cache = readFileSync(file);
  const data = cache.subarray(CHECKSUM_BYTES);
  return checksum(source, data).equals(cache.subarray(0, CHECKSUM_BYTES)) ? data : undefined;
}

function writeCache(filename, source, script) {
  const data = script.createCachedData();
  writeFileSync(cacheOf(filename), Buffer.concat([checksum(source, data), data]));
}

const CHECKSUM_BYTES = 32;

function checksum(source, data) {
  return createHash('sha256').update(source).update(data).digest();
}

module.exports = { cacheOf, loadBundle };
