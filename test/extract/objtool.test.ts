import path from 'node:path';
import { expect, test } from 'vitest';
import { ElfObject } from '../../src/elf/object.js';
import { checkObjtoolTables } from '../../src/extract/objtool.js';
import { compile } from '../support/compile.js';

const file = path.join(import.meta.dirname, '../fixtures/extract/objtool.S');
const check = (...flags: string[]) =>
  checkObjtoolTables(new ElfObject(compile(file, flags), 'new.ko'));

test('a module that objtool has finished is taken', () => {
  expect(() => check()).not.toThrow();
});

test.each([
  ['WITHOUT_ORC', ['.text.replaced is not in .orc_unwind_ip']],
  [
    'WITHOUT_RETURNS',
    ['.text.replaced+0x2 is not in .return_sites', '.text.replaced+0x8 is not in .return_sites'],
  ],
])('%s it is refused', (flag, missing) => {
  expect(() => check(`-D${flag}`)).toThrow(
    expect.objectContaining({ code: 'command-failed', details: { missing } }),
  );
});
