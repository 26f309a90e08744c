import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mutants } from './mutants.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the list of what tests must miss', () => {
  it.each(mutants.map((mutant) => [mutant.without, mutant] as const))('%s', async (_, mutant) => {
    const parts = (await readFile(join(ROOT, mutant.file), 'utf8')).split(mutant.find);
    expect(parts, `${mutant.file}: ${mutant.find}`).toHaveLength(2);
    expect(existsSync(join(ROOT, mutant.tests)), mutant.tests).toBe(true);
  });

  it('names each once', () => {
    expect(new Set(mutants.map(({ without }) => without)).size).toBe(mutants.length);
  });
});
