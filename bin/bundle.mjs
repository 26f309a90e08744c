// Puts the compiled program into one file, dist/ksplice-ts.cjs, with V8's compiled
// code beside it, for Node with the same options as this one. Loading some two hundred modules takes ten times as long as
// all that `apply` does, which matters on slow or emulated hosts. dist/ksplice-ts-host.cjs is the same
// without the commands of those who make updates, for the package of that name.

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import compiler from './compile-bundle.js';
import loader from './load-bundle.js';

const { cacheOf } = loader;
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const bundle = path('dist/ksplice-ts.cjs');
rmSync(cacheOf(bundle), { force: true });
const options = {
  entryPoints: [path('dist/cli/main.js')],
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
};
const withoutMakers = {
  name: 'without the commands of makers',
  setup: (made) => {
    made.onLoad({ filter: /\/dist\/cli\/makers\.js$/ }, () => ({
      contents: 'export const makers = {};',
    }));
  },
};
await build({ ...options, outfile: bundle });
await build({ ...options, outfile: path('dist/ksplice-ts-host.cjs'), plugins: [withoutMakers] });
await compiler.compileBundle(bundle);
