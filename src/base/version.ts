// The version of this program.

import { readFileSync } from 'node:fs';
import { packageRoot } from './package-root.js';

/** As package.json has it: "0.1.0". */
export function version(): string {
  const file = new URL('package.json', packageRoot);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
