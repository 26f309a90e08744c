import { readFileSync } from 'node:fs';

/** The text of a file; undefined where there is none that can be read. */
export function readText(path: string, encoding: 'utf8' | 'latin1' = 'utf8'): string | undefined {
  try {
    return readFileSync(path, encoding);
  } catch {
    return undefined;
  }
}
