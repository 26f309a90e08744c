// Puts the compiled program into one file, dist/ksplice-ts.cjs, with V8's compiled
// code beside it, for Node with the same options as this one. Loading some two hundred modules takes ten times as long as
// all that `apply` does, which matters on slow or emulated hosts.

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import loader from './load-bundle.js';

const { cacheOf, loadBundle } = loader;
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const bundle = path('dist/ksplice-ts.cjs');
rmSync(cacheOf(bundle), { force: true });
await build({
  entryPoints: [path('dist/cli/main.js')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // WebAssembly that finds its file by its own place.
  external: ['iced-x86'],
  alias: { 'string-width': path('bin/ascii-width.mjs') },
  minifyWhitespace: true,
  minifySyntax: true,
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  logLevel: 'warning',
});
// What has run by now is compiled, and becomes the cache: the commands of the
// running host, as far as they go without changing anything on this one.
const { exports, keepCompiled } = loadBundle(bundle);
const nowhere = { write: () => {} };
for (const argv of [['view'], ['undo'], ['apply', '/nonexistent.tar.gz']]) {
  await exports.main(argv, { stdout: nowhere, stderr: nowhere });
}
keepCompiled();
