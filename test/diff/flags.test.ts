// Objects of compilers and flags that the differ would misread: each is refused by name.

import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { compile, sectionFlags } from '../support/compile.js';
import { fixtures, strayRelocations } from './fixtures.js';

/** The diff of a fixture that changes, all compiled with these flags. */
function diffWith(flags: readonly string[]) {
  const source = path.join(fixtures, 'function-changed.c');
  const all = [...sectionFlags, `-I${fixtures}`, ...flags];
  const pre = new ElfObject(compile(source, all), 'pre.o');
  const post = new ElfObject(compile(source, [...all, '-DPOST']), 'post.o');
  return diffObjects(pre, post, 'x.o', inferTableSizes([pre, post]));
}

describe('objects compiled', () => {
  test.each([
    ['-flto', /with -flto/],
    ['-flto -ffat-lto-objects', /with -flto/],
    ['-fprofile-arcs', /for gcov/],
  ])('with %s are refused as such', (flags, message) => {
    expect(() => diffWith(flags.split(' '))).toThrow(
      expect.objectContaining({
        code: 'unsupported-object',
        message: expect.stringMatching(message),
      }),
    );
  });

  // KCSAN, KCOV, and the padding before functions: more code, which is compared like any other.
  test.each([
    '-fsanitize=thread',
    '-fsanitize-coverage=trace-pc',
    '-fpatchable-function-entry=4,4',
  ])('with %s are compared as ever', (flag) => {
    const { verdict, functions } = diffWith([flag]);
    expect(verdict).toBe('changed');
    expect(functions).toMatchObject({ changed: ['changed'] });
  });

  test('with checks of UBSAN bring along what new checks tell', () => {
    const source = path.resolve(import.meta.dirname, '../fixtures/flags/checked.c');
    const flags = [...sectionFlags, '-fno-inline', '-fsanitize=shift'];
    const pre = new ElfObject(compile(source, flags), 'pre.o');
    const post = new ElfObject(compile(source, [...flags, '-DPOST']), 'post.o');
    const diff = diffObjects(pre, post, 'x.o', inferTableSizes([pre, post]));
    expect(diff.refusals).toEqual([]);
    expect(diff.functions).toEqual({ changed: ['changed'], added: [], removed: [] });
    const kept = [...diff.kept].map(({ name }) => name);
    expect(kept).toContain('.text.changed');
    expect(kept).toContainEqual(expect.stringMatching(/^\.data\.\.Lubsan_data/));
    expect(strayRelocations(diff)).toEqual([]);
  });

  test('to bitcode hold no code', () => {
    expect(() => new ElfObject(Buffer.from('BC\xc0\xde\x35\x14\0\0', 'latin1'), 'x.o')).toThrow(
      expect.objectContaining({
        code: 'unsupported-object',
        message: expect.stringContaining('LLVM bitcode'),
      }),
    );
  });
});
