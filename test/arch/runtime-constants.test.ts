import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withoutRuntimeConstants } from '../../src/arch/x86/runtime-constants.js';
import { diffObjects } from '../../src/diff/index.js';
import type { ObjectDiff } from '../../src/diff/object-diff.js';
import { modelOf } from '../../src/elf/model.js';
import { ElfObject, type Section } from '../../src/elf/object.js';
import { CONSTANT, CONSTANTS_SECTION, inferTableSizes } from '../../src/elf/tables.js';
import { writeObject } from '../../src/elf/writer.js';
import { compile, sectionFlags } from '../support/compile.js';
import { withDirectory } from '../update/sample.js';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/runtime-constants/${name}`, import.meta.url));
const object = (...flags: string[]) =>
  new ElfObject(compile(fixture('limit.c'), [...sectionFlags, ...flags]), 'limit.o');

describe('constants that boot code fills in', () => {
  it('are read from their variables', async () => {
    await withDirectory(async (where) => {
      const file = path.join(where, 'limit.o');
      writeFileSync(file, writeObject(modelOf(withoutRuntimeConstants(object()))));
      const program = path.join(where, 'program');
      execFileSync('gcc', ['-no-pie', '-o', program, fixture('main.c'), file], { stdio: 'pipe' });
      expect(execFileSync(program, { encoding: 'utf8' })).toBe('1 0 3 12345\n');
    });
  });

  it('do not keep a function that uses one from being replaced', () => {
    const [pre, post] = [object(), object('-DPOST')];
    const tables = inferTableSizes([pre, post]);
    const diff = diffObjects(
      withoutRuntimeConstants(pre),
      withoutRuntimeConstants(post),
      'limit.o',
      tables,
    );
    expect(diff).toMatchObject({ verdict: 'changed', functions: { changed: ['distance'] } });
    // As they are, nothing in a module would fill them in.
    expect(diffObjects(pre, post, 'limit.o', tables).verdict).toBe('refused');
  });

  it('stay, and are not understood, where the code is not as expected', () => {
    const model = modelOf(object());
    const code = model.sections.find(({ name }) => name === '.text.is_below')!;
    const at = Buffer.from(code.data).indexOf('efcdab8967452301', 'hex');
    code.data = Buffer.from(code.data).fill(0x90, at, at + 1);
    const spoilt = new ElfObject(writeObject(model), 'limit.o');
    const names = withoutRuntimeConstants(spoilt).sections.map(({ name }) => name);
    expect(names).toContain('runtime_ptr_limit');
    expect(names).not.toContain('runtime_ptr_another');
  });

  describe('in operands that have no room for a variable', () => {
    const operands = (...flags: string[]) =>
      new ElfObject(compile(fixture('operands.c'), [...sectionFlags, ...flags]), 'operands.o');
    const [pre, post] = [operands(), operands('-DPOST')].map(withoutRuntimeConstants) as [
      ElfObject,
      ElfObject,
    ];

    it('are left to the core, which gets a table of them', () => {
      const diff = diffObjects(pre, post, 'operands.o', inferTableSizes([pre, post]));
      expect(diff).toMatchObject({
        verdict: 'changed',
        functions: { changed: ['bucket', 'slot'] },
      });
      const places = diff.entries
        .filter(({ table }) => table.name === CONSTANTS_SECTION)
        .flatMap(({ table, offsets }) => offsets.map((offset) => rowOf(diff, table, offset)));
      expect(places.sort()).toEqual([
        '.text.bucket: 1 of count',
        '.text.slot: 1 of count',
        '.text.slot: 4 of mask',
      ]);
    });

    function rowOf({ post }: ObjectDiff, table: Section, start: number): string {
      const [place, variable] = post
        .relocations(table)
        .filter(({ offset }) => offset >= start && offset < start + CONSTANT.size);
      const { section, value } = place!.symbol;
      const width = table.data[start + CONSTANT.width]!;
      const mark = section!.data.subarray(value + place!.addend).subarray(0, width);
      expect(mark.toString('hex')).toBe(width === 1 ? '0c' : '78563412');
      return `${section!.name}: ${width} of ${variable!.symbol.name}`;
    }

    it.each([
      ['c1', 'runtime_shift_count'],
      ['78563412', 'runtime_mask_mask'],
    ])('stay, and are not understood, where there is no %s', (bytes, list) => {
      const model = modelOf(operands());
      for (const code of model.sections.filter(({ name }) => name.startsWith('.text.'))) {
        const at = Buffer.from(code.data).indexOf(bytes, 'hex');
        if (at >= 0) code.data = Buffer.from(code.data).fill(0x90, at, at + 1);
      }
      const spoilt = withoutRuntimeConstants(new ElfObject(writeObject(model), 'operands.o'));
      expect(spoilt.sections.map(({ name }) => name)).toContain(list);
    });
  });
});
