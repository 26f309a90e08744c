// Writes man/ksplice-ts.1, from its frame and from the descriptions of the commands.

import { readFileSync, writeFileSync } from 'node:fs';
import { manualPage } from '../dist/cli/man.js';

const path = (name) => new URL(`../man/${name}`, import.meta.url);
writeFileSync(
  path('ksplice-ts.1'),
  await manualPage(readFileSync(path('ksplice-ts.1.in'), 'utf8')),
);
