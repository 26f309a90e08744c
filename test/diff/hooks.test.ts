import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { diffObjects } from '../../src/diff/index.js';
import type { ObjectDiff } from '../../src/diff/object-diff.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { compile, sectionFlags } from '../support/compile.js';

const root = path.resolve(import.meta.dirname, '../..');

function diff(...flags: string[]): ObjectDiff {
  const include = `-I${path.join(root, 'kmodsrc/include')}`;
  const object = (...more: string[]) => {
    const source = path.join(root, 'test/fixtures/hooks/hooks.c');
    return new ElfObject(compile(source, [...sectionFlags, include, ...more]), 'hooks.o');
  };
  const [pre, post] = [object('-DLIMIT=3'), object(...flags)];
  return diffObjects(pre, post, 'hooks.o', inferTableSizes([pre, post]));
}

describe('hooks', () => {
  test('a new initial value is refused without one', () => {
    const { verdict, refusals } = diff('-DLIMIT=5');
    expect(verdict).toBe('refused');
    expect(refusals).toMatchObject([{ code: 'data-changed', symbol: 'limit' }]);
  });

  test('a new initial value is left to the hook that names the variable', () => {
    const { verdict, refusals, notes, hooks, twins, functions } = diff('-DLIMIT=5', '-DHOOKED');
    expect({ verdict, refusals }).toEqual({ verdict: 'changed', refusals: [] });
    expect(notes).toEqual(['the initial value of limit changed: left to the hook']);
    expect(hooks.map(({ kind, symbol }) => [kind, symbol.name])).toEqual([
      ['check_apply', 'look'],
      ['check_apply', 'look_again'],
      ['apply', 'set'],
      ['reverse', 'put_back'],
    ]);
    // It sets the running kernel's, and nothing is replaced for that.
    expect([...twins.values()].map(({ name }) => name)).toEqual(['limit']);
    expect(functions.changed).toEqual([]);
  });

  test('are a change by themselves, and come along with what they use', () => {
    const { verdict, kept } = diff('-DLIMIT=3', '-DHOOKED');
    expect(verdict).toBe('changed');
    const names = [...kept].map(({ name }) => name).sort();
    expect(names).toEqual([
      '.bss.saved',
      '.text.look',
      '.text.look_again',
      '.text.put_back',
      '.text.set',
    ]);
  });
});
