// Code that comes along and is not used: objtool reads all that is there.

import path from 'node:path';
import { expect, test } from 'vitest';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { extractNewCode } from '../../src/extract/index.js';
import { compile } from '../support/compile.js';

const file = path.join(import.meta.dirname, '../fixtures/extract/neighbours.S');
const [pre, post] = [[], ['-DPOST']].map((flags) => new ElfObject(compile(file, flags), 'n.o'));
const tables = inferTableSizes([pre!, post!]);
const diff = diffObjects(pre!, post!, 'n.o', tables);
const code = extractNewCode({
  id: 'fix',
  objects: [{ label: 'n.o', diff }],
  program: { spanOf: () => 0, keyOf: () => ({ key: 0, offset: 0 }) },
  resolver: {
    external: () => ({ kind: 'exported', namespace: '' }),
    own: (_, { name }) => ({ kind: 'klp', object: 'vmlinux', name, position: 1 }),
  },
  tables,
});
const made = new ElfObject(code.object, 'new_code.o');
const replacements = made.section('.altinstr_replacement')!;

test('alternatives of functions that are not in the new code are no-ops', () => {
  // call one, call two, jmp 3f
  expect(replacements.data.toString('hex')).toMatch(/^e8.{8}9090909090e9.{8}$/);
  const calls = made.relocations(replacements).map(({ symbol }) => symbol.name);
  expect(calls).toContain('one');
  expect(calls).not.toContain('two');
});

test('an alternative returns to the function that it was made for, where that came along', () => {
  const jump = made.relocations(replacements).find(({ offset }) => offset === 11)!;
  expect(jump.symbol.section?.name).toBe('.noinstr.text');
});
