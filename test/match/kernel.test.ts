// kmodsrc/match.c and src/match/interpret.ts are one interpreter in two
// languages. Both look at the same kernels, changed in thousands of ways, and
// have to say the same: verdict, every mismatch, every address, every value.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { matchProgram } from '../../src/match/interpret.js';
import { encodeProgram } from '../../src/program/encode.js';
import type { Program } from '../../src/program/program.js';
import { askRunner, buildRunner, describeResult, hex } from '../kmodsrc/kernel-interpreter.js';
import { LinkedKernel } from './support/linked.js';
import { fixture, programOf, siteFixtures } from './support/programs.js';

let folder: string;
let runner: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  runner = await buildRunner(folder);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Both interpreters after each change; a change is undone before the next. */
async function compare(
  kernel: LinkedKernel,
  program: Program,
  changes: (() => () => void)[],
): Promise<number> {
  const expected: string[] = [];
  const look = () => {
    expected.push(describeResult(matchProgram(program, 'vmlinux', kernel)));
    kernel.script.push('run');
  };
  look();
  for (const change of changes) {
    const undo = change();
    look();
    undo();
  }
  look();
  const load = `program ${hex(encodeProgram(program))}`;
  const said = await askRunner(runner, [load, ...kernel.script]);
  expect(said.length).toBe(expected.length);
  said.forEach((answer, index) => {
    expect(answer, `after change ${index}`).toBe(expected[index]);
  });
  return expected.filter((answer) => /^bad/m.test(answer)).length;
}

/** Changes one byte at every `step`th place of all spans, each in its own way. */
function flips(kernel: LinkedKernel, program: Program, step: number): (() => () => void)[] {
  const { addresses } = matchProgram(program, 'vmlinux', kernel);
  const places = program.spans.flatMap((span, index) =>
    addresses[index] === undefined
      ? []
      : [...span.bytes.keys()].map((at) => addresses[index]! + BigInt(at)),
  );
  const poke = (place: bigint, mask: number) => () => {
    const before = kernel.poke(place, Uint8Array.of(kernel.read(place, 1)![0]! ^ mask));
    return () => void kernel.poke(place, before);
  };
  return places
    .filter((_place, index) => index % step === 0)
    .map((place, index) => poke(place, 1 << (index % 8)));
}

describe('the kernel and the tool agree', () => {
  it('about code, data and strings', async () => {
    const objects = { 'first.o': fixture('first.c'), 'second.o': fixture('second.c') };
    const kernel = new LinkedKernel(Object.values(objects));
    const { program } = programOf(objects, { replaced: ['strong', 'twin'] });
    expect(await compare(kernel, program, flips(kernel, program, 1))).toBeGreaterThan(200);
  });

  it('about symbols', async () => {
    const objects = { 'first.o': fixture('first.c'), 'second.o': fixture('second.c') };
    for (const replaced of [[], ['twin', 'fallback', 'same_fallback']]) {
      const kernel = new LinkedKernel(Object.values(objects));
      const { program } = programOf({ 'first.o': objects['first.o'] }, { replaced });
      const names = [...program.spans, ...program.keys].map(({ name }) => name);
      const changes = [...new Set(names)].filter(Boolean).flatMap((name) => {
        const before = kernel.lookup(name);
        const set = (addresses: readonly bigint[]) => () => {
          kernel.setSymbol(name, addresses);
          return () => kernel.setSymbol(name, before);
        };
        const strong = kernel.address('strong');
        return [set([]), set([strong]), set([strong, ...before]), set([...before, 0x7000_0000n])];
      });
      expect(await compare(kernel, program, changes)).toBeGreaterThan(20);
    }
  });

  it.each([...siteFixtures, 'returns.S', 'runtime-constant.S', 'feature.S'])(
    'about sites: %s',
    async (file) => {
      const object = fixture(file);
      const kernel = new LinkedKernel([object]);
      const { program } = programOf({ 'x.o': object });
      const changes = flips(kernel, program, 1);
      const { addresses } = matchProgram(program, 'vmlinux', kernel);
      program.spans.forEach((span, index) => {
        for (const item of span.items) {
          if (item.kind !== 'site') continue;
          const place = addresses[index]! + BigInt(item.offset);
          for (const variant of item.variants) {
            // Operands of zero: some forms accept them, some do not.
            changes.push(() => {
              const before = kernel.poke(place, variant.bytes);
              return () => void kernel.poke(place, before);
            });
          }
        }
      });
      expect(await compare(kernel, program, changes)).toBeGreaterThan(0);
    },
  );
});
