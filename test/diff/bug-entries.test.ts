// Code that has the address of an entry of a special table: which entry it means, and which goes along.

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { compile, sectionFlags } from '../support/compile.js';

const source = fileURLToPath(new URL('../fixtures/bug-entries/warn.c', import.meta.url));
const object = (...flags: string[]) =>
  new ElfObject(compile(source, [...sectionFlags, ...flags]), 'warn.o');

it('an entry that moves is the same for its code, one with another text is not', () => {
  const [pre, post] = [object(), object('-DPOST')];
  const tables = inferTableSizes([pre, post]);
  expect(tables).toMatchObject({ bug: 16, bugLine: 12 });
  const diff = diffObjects(pre, post, 'warn.o', tables);
  expect(diff.functions).toMatchObject({ changed: ['worded', 'changed'], added: ['newcomer'] });

  const [entries] = diff.entries.filter(({ table }) => table.name === '__bug_table');
  const kept = entries!.offsets;
  // Of newcomer, which is inlined as well, worded and changed.
  expect(kept).toHaveLength(4);
  // What the code refers to is an entry that is kept, and is named by its place.
  const sections = post.sections.filter(({ name }) =>
    /^\.text\.(newcomer|worded|changed)/.test(name),
  );
  const meant = sections.flatMap((section) =>
    diff
      .relocations(section)
      .filter(({ symbol }) => symbol.section?.name === '__bug_table')
      .map(({ symbol, addend }) => [symbol.value, addend]),
  );
  expect(meant.sort()).toEqual(kept.map((offset) => [offset, -4]).sort());
});
