// kmodsrc/match.c and src/match/interpret.ts are one interpreter in two
// languages. Both look at the same kernels, changed in thousands of ways, and
// have to say the same: verdict, every mismatch, every address, every value.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MatchCause, type MatchResult, matchProgram } from '../../src/match/interpret.js';
import { encodeProgram } from '../../src/program/encode.js';
import type { Program } from '../../src/program/types.js';
import { LinkedKernel } from './support/linked.js';
import { fixture, programOf } from './support/programs.js';

const root = path.resolve(import.meta.dirname, '../..');
const user = path.join(root, 'test/fixtures/match/user');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  const sources = ['match.c', 'check.c'].map((file) => path.join(root, 'kmodsrc', file));
  const flags = ['-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-sign-compare', '-Werror'];
  const checks = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const include = [`-I${user}`, `-I${path.join(root, 'kmodsrc')}`];
  const out = ['-o', path.join(folder, 'interpreter'), path.join(user, 'interpreter.c')];
  execFileSync('gcc', [...flags, ...checks, ...include, ...out, ...sources], { stdio: 'pipe' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In the order of enum ksplice_why. */
const causes: MatchCause[] = [
  'differs',
  'unreadable',
  'not-found',
  'ambiguous',
  'inconsistent',
  'not-a-symbol',
];

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const address = (value: bigint | undefined) => (value ?? 0n).toString(16);

/** A result as the C program prints it. */
function show(result: MatchResult): string {
  const mismatches = result.mismatches.map((one) =>
    [
      causes.indexOf(one.cause),
      one.object,
      one.span,
      one.offset,
      `${address(one.address)} ${hex(one.expected) || '-'} ${found(one.found, one.expected)}`,
    ].join('\t'),
  );
  const values = result.values.map((value) => (value === undefined ? '-' : value.toString(16)));
  return [
    ...mismatches,
    `${result.ok ? 'ok' : 'bad'} ${result.unverified}`,
    `${result.addresses.map(address).join(' ')} `,
    `${values.join(' ')} `,
  ].join('\n');
}

/** The kernel prints as many bytes as were expected, zero if it found none. */
function found(bytes: Uint8Array | undefined, expected: Uint8Array): string {
  return hex(bytes ?? new Uint8Array(expected.length)) || '-';
}

/** What the C program says at each `match` of a script. */
function inC(program: Program, script: readonly string[]): string[] {
  const file = path.join(folder, 'program');
  writeFileSync(file, encodeProgram(program));
  const output = execFileSync(path.join(folder, 'interpreter'), [file], {
    input: `${script.join('\n')}\n`,
    encoding: 'latin1',
    maxBuffer: 1 << 28,
    env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
  });
  return output.split('\n.\n').slice(0, -1);
}

/** Both interpreters after each change; a change is undone before the next. */
function compare(kernel: LinkedKernel, program: Program, changes: (() => () => void)[]): number {
  const expected: string[] = [];
  const look = () => {
    expected.push(show(matchProgram(program, 'vmlinux', kernel)));
    kernel.script.push('match');
  };
  look();
  for (const change of changes) {
    const undo = change();
    look();
    undo();
  }
  look();
  const said = inC(program, kernel.script);
  expect(said.length).toBe(expected.length);
  said.forEach((text, index) => {
    expect(text, `after change ${index}`).toBe(expected[index]);
  });
  return expected.filter((text) => /^bad/m.test(text)).length;
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
  it('about code, data and strings', () => {
    const objects = { 'first.o': fixture('first.c'), 'second.o': fixture('second.c') };
    const kernel = new LinkedKernel(Object.values(objects));
    const { program } = programOf(objects, { replaced: ['strong', 'twin'] });
    expect(compare(kernel, program, flips(kernel, program, 1))).toBeGreaterThan(200);
  });

  it('about symbols', () => {
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
      expect(compare(kernel, program, changes)).toBeGreaterThan(20);
    }
  });

  it.each([
    'ftrace.S',
    'jump-label.S',
    'static-call.S',
    'returns.S',
    'retpoline.S',
    'lock.S',
    'paravirt.S',
    'alternative.S',
    'overlap.S',
    'endbr.S',
    'runtime-constant.S',
    'feature.S',
  ])('about sites: %s', (file) => {
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
    expect(compare(kernel, program, changes)).toBeGreaterThan(0);
  });
});
