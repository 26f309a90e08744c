// Keeps what V8 compiles of a bundle beside it, for this Node with its options: when the program is
// built, and when a package with it is set up (`node compile-bundle.js FILE`).

const { loadBundle } = require('./load-bundle.js');

/**
 * What has run by the end is compiled, and becomes the cache: the commands of the running host, as far as they
 * go without changing anything on this one.
 */
async function compileBundle(bundle) {
  const { exports, keepCompiled } = loadBundle(bundle);
  const nowhere = { write: () => {} };
  for (const argv of [['view'], ['undo'], ['apply', '/nonexistent.tar.gz']]) {
    await exports.main(argv, { stdout: nowhere, stderr: nowhere });
  }
  keepCompiled();
}

module.exports = { compileBundle };
if (require.main === module) compileBundle(process.argv[2]);
