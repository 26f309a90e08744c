// A small kernel, a module in it, and an update for the module: everything is
// compiled here, so that what is proved is what a compiler made.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { type Proof, proveAgainst } from '../../src/check/prove.js';
import type { Difference } from '../../src/check/report.js';
import { ElfObject } from '../../src/elf/object.js';
import { openKernelImage } from '../../src/kernel/kernel-files.js';
import type { RunningKernel } from '../../src/kernel/running.js';
import type { Generated } from '../../src/match/generate.js';
import { convertToLivepatch, type KlpBinding } from '../../src/module/livepatch.js';
import { encodeProgram } from '../../src/program/encode.js';
import type { Update } from '../../src/update/update.js';
import { tinyKernel } from '../kernel/tiny-kernel.js';
import { programOf } from '../match/support/programs.js';
import { compile } from '../support/compile.js';

const RELEASE = '6.1.0-tiny';
const LABEL = 'drivers/fixture.o';
const fixtures = path.resolve(import.meta.dirname, '../fixtures/check');
const kmodsrc = path.resolve(import.meta.dirname, '../../kmodsrc');

let folder: string;
let kernel: RunningKernel;
let program: Generated;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  kernel = await kernelWith('same', []);
  program = makeProgram();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pre = (flags: string[] = []) => compile(path.join(fixtures, 'old.c'), flags);

function makeProgram(): Generated {
  return programOf({ [LABEL]: pre() }, { replaced: ['work'], target: 'fixture' });
}

/** A kernel in which the module is loaded, compiled with the flags. */
async function kernelWith(name: string, flags: string[]): Promise<RunningKernel> {
  const root = path.join(folder, name);
  const modules = path.join(root, 'lib/modules', RELEASE);
  mkdirSync(path.join(root, 'boot'), { recursive: true });
  mkdirSync(modules, { recursive: true });
  writeFileSync(path.join(root, 'boot', `vmlinuz-${RELEASE}`), tinyKernel({ release: RELEASE }));
  const file = (part: string) => path.join(folder, `${name}-${part}`);
  writeFileSync(file('a.o'), pre(flags));
  writeFileSync(file('b.c'), 'char m[64] __attribute__((section(".gnu.linkonce.this_module")));');
  writeFileSync(file('b.o'), compile(file('b.c')));
  execFileSync('ld', ['-r', '-o', path.join(modules, 'fixture.ko'), file('b.o'), file('a.o')]);
  return (await openKernelImage(root, silentUi)).kernel;
}

interface Choices {
  readonly binding?: Partial<KlpBinding>;
  readonly addend?: number;
  readonly cookie?: bigint;
  readonly release?: string;
  readonly target?: string;
}

function makeUpdate(choices: Choices = {}): Update {
  const { key, offset } = program.keyOf(LABEL, 'helper')!;
  const flags = [
    `-I${kmodsrc}`,
    `-DKEY=${key}`,
    `-DADDEND=${choices.addend ?? offset}`,
    `-DCOOKIE=${choices.cookie ?? program.program.cookie}`,
  ];
  const binding = { symbol: 'helper', object: 'fixture', name: 'helper', position: 1 };
  const newCode = convertToLivepatch(compile(path.join(fixtures, 'new.c'), flags), [
    { ...binding, ...choices.binding },
  ]);
  writeFileSync(path.join(folder, 'program'), encodeProgram(program.program));
  const assembly = `.section .ksplice.program, "a"\n.incbin "${folder}/program"\n`;
  writeFileSync(path.join(folder, 'old_code.S'), assembly);
  const oldCode = compile(path.join(folder, 'old_code.S'));
  const module = (name: string, data: Buffer) => {
    const info = { object: new ElfObject(data, `${name}.ko`), name };
    return [name, { module: name, file: `${name}.ko`, data, info }] as const;
  };
  const target = choices.target ?? 'fixture';
  const change = (name: string) => ({ module: name, file: `${name}.ko` });
  return {
    id: 'test',
    kernel: { system: 'Linux', release: choices.release ?? RELEASE, machine: 'x86_64' },
    contents: {
      core: change('ksplice'),
      changes: [{ target, newCode: change('new'), oldCode: change('old') }],
    },
    modules: new Map([module('new', newCode), module('old', oldCode)]),
  } as unknown as Update;
}

function refusal(update: Update, against = kernel): KspliceError {
  try {
    proveAgainst(update, against, silentUi);
  } catch (error) {
    if (error instanceof KspliceError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const differences = (error: KspliceError) =>
  (error.details as { differences: Difference[] }).differences;

describe('an update that fits', () => {
  let proof: Proof;
  beforeAll(() => {
    proof = proveAgainst(makeUpdate(), kernel, silentUi);
  });

  test('is proved, with what was compared', () => {
    expect(proof).toMatchObject({ id: 'test', release: RELEASE });
    const bytes = new ElfObject(pre(), 'pre').symbols
      .filter(({ name }) => ['helper', 'work', 'untouched', 'helper.twin'].includes(name))
      .reduce((sum, { size }) => sum + size, 0);
    expect(proof.targets).toEqual([
      expect.objectContaining({
        target: 'fixture',
        functions: 4,
        replaced: 1,
        bytes,
        unverified: 0,
        resolved: 1,
        references: 1,
      }),
    ]);
  });
});

describe('an update that does not fit', () => {
  test('is refused with the functions that differ, where, and how', async () => {
    const other = await kernelWith('other', ['-DOTHER_KERNEL']);
    const error = refusal(makeUpdate(), other);
    expect(error.code).toBe('no-match');
    expect(error.exitStatus).toBe(1);
    expect(error.message).toContain('was made: work differs');
    const [difference, ...more] = differences(error);
    // What comes after a function that became longer has moved, but is itself equal.
    expect(more.filter(({ cause }) => cause !== 'inconsistent')).toEqual([]);
    expect(difference!.message).toContain(`${LABEL}: work+0x`);
    expect(difference).toMatchObject({
      target: 'fixture',
      function: 'work',
      object: LABEL,
      cause: 'differs',
      expected: expect.stringMatching(/^[0-9a-f]{2,16}$/),
      found: expect.stringMatching(/^[0-9a-f]{2,16}$/),
    });
    // The bytes are those of the two compilers' outputs at that place.
    const at = (object: Buffer) => {
      const elf = new ElfObject(object, 'x');
      const symbol = elf.symbols.find(({ name }) => name === 'work')!;
      const start = symbol.value + difference!.offset!;
      return symbol.section!.data.subarray(start, start + 1).toString('hex');
    };
    expect(difference!.expected!.slice(0, 2)).toBe(at(pre()));
    expect(difference!.found!.slice(0, 2)).toBe(at(pre(['-DOTHER_KERNEL'])));
  });

  test('is refused when the loader would take another symbol than the code uses', () => {
    const error = refusal(makeUpdate({ binding: { name: 'untouched' } }));
    expect(error.code).toBe('no-match');
    expect(differences(error)[0]!.message).toMatch(/loader would bind .* to 0x[0-9a-f]+/);
    expect(refusal(makeUpdate({ addend: 1 })).code).toBe('no-match');
  });

  test.each<[string, Partial<KlpBinding>, RegExp]>([
    ['a symbol that is not there', { name: 'absent' }, /0 symbols absent/],
    ['a position that is not there', { position: 3 }, /needs number 3/],
    ['a module that is not there', { object: 'sctp' }, /sctp has 0 symbols helper/],
  ])('is refused when its new code wants %s', (_, binding, says) => {
    const error = refusal(makeUpdate({ binding }));
    expect(error.code).toBe('no-match');
    expect(differences(error)[0]!.message).toMatch(says);
  });

  test('is refused when new code and program were not made together', () => {
    const error = refusal(makeUpdate({ cookie: program.program.cookie + 1n }));
    expect(differences(error)[0]!.message).toContain('was not made with the match program');
  });

  test('is refused for another release, and for a module that is not there', () => {
    expect(refusal(makeUpdate({ release: '6.1.0-other' })).code).toBe('wrong-kernel');
    const missing = refusal(makeUpdate({ target: 'absent' }));
    expect(missing).toMatchObject({ code: 'target-not-loaded', details: { missing: ['absent'] } });
  });

  test('is refused when its program is damaged', () => {
    const whole = readFileSync(path.join(folder, 'program'));
    const update = makeUpdate();
    writeFileSync(path.join(folder, 'program'), whole.subarray(0, whole.length - 8));
    const old = compile(path.join(folder, 'old_code.S'));
    const module = update.modules.get('old')!;
    const info = { ...module.info, object: new ElfObject(old, 'old.ko') };
    const modules = new Map([...update.modules, ['old', { ...module, info }]]);
    expect(refusal({ ...update, modules } as Update).code).toBe('bad-program');
  });
});
