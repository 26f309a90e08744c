import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SpecialTables } from '../../src/diff/special.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { jumpObstacle } from '../../src/match/jump-room.js';
import { compile } from '../support/compile.js';
import { run, withFiles } from '../support/files.js';

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

test('a function that calls the tracer is traced, though objtool has made no list yet', () => {
  const bytes = withFiles({ 'x.o': compile(file, []) }, (folder) => {
    run(folder, 'objcopy', '-R', '__mcount_loc', '-R', '.rela__mcount_loc', 'x.o');
    return readFileSync(path.join(folder, 'x.o'));
  });
  const bare = new ElfObject(bytes, 'entry.o');
  const found = new SpecialTables(bare, inferTableSizes([bare, bare]));
  const obstacle = (name: string) =>
    jumpObstacle(found, bare.symbols.find((one) => one.name === name)!);
  expect(obstacle('traced_short')).toBeUndefined();
  expect(obstacle('endbr_short')).toMatch(/shorter than a jump/);
});
