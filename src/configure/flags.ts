// A confdir's `flags`: what its owner wants on make's command line.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The directory's make flags: words; lines that start with # are skipped; none if there is no file. */
export function readFlags(dir: string): string[] {
  let text: string;
  try {
    text = readFileSync(join(dir, 'flags'), 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(/\s+/))
    .filter((word) => word !== '');
}
