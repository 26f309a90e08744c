import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sizesIn } from '../../../src/create/tree/table-sizes.js';

let area: string;
beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-tables-'));
});
afterEach(() => rmSync(area, { recursive: true, force: true }));

it('asks the headers again if the answer in the cache is not there or damaged', () => {
  const object = join(area, 'tables.o');
  expect(sizesIn(object)).toBeUndefined();
  for (const text of ['', 'no object', '\x7fELF', `\x7fELF\x02\x01\x01${'\0'.repeat(57)}`]) {
    writeFileSync(object, text, 'latin1');
    expect(sizesIn(object)).toBeUndefined();
  }
});
