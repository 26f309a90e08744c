import path from 'node:path';
import { expect, test } from 'vitest';
import { SpecialTables } from '../../src/diff/special.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { jumpObstacle } from '../../src/match/jump-room.js';
import { compile } from '../support/compile.js';

const file = path.join(import.meta.dirname, '../fixtures/match/entry.S');
const object = new ElfObject(compile(file, []), 'entry.o');
const tables = new SpecialTables(object, inferTableSizes([object, object]));

test.each([
  ['plain', undefined],
  ['endbr_plain', undefined],
  ['late_label', undefined],
  ['traced_label', undefined],
  ['traced_short', undefined],
  ['short', /shorter than a jump/],
  ['endbr_short', /shorter than a jump/],
  ['labelled', /__jump_table/],
])('%s', (name, obstacle) => {
  const symbol = object.symbols.find((one) => one.name === name)!;
  const found = jumpObstacle(tables, symbol);
  if (obstacle) expect(found).toMatch(obstacle);
  else expect(found).toBeUndefined();
});
