import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withoutRuntimeConstants } from '../../src/arch/x86/runtime-constants.js';
import { diffObjects } from '../../src/diff/index.js';
import { modelOf } from '../../src/elf/model.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
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
});
