// The two interpreters of match programs against each other: the one of
// kmodsrc/, compiled for user space with the address sanitizer, must come to the
// same verdict as the one in TypeScript, word for word, whatever is done to the
// kernel or to the program.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { matchProgram } from '../../src/match/interpret.js';
import { decodeProgram } from '../../src/program/decode.js';
import { encodeProgram } from '../../src/program/encode.js';
import type { Program } from '../../src/program/types.js';
import { LinkedKernel } from '../match/support/linked.js';
import { fixture, programOf } from '../match/support/programs.js';
import {
  askRunner,
  buildRunner,
  describeResult,
  hex,
  symbolCommand,
} from './kernel-interpreter.js';

let folder: string;
let runner: string;
let objects: Buffer[];
let program: Program;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  runner = buildRunner(folder);
  objects = [fixture('first.c'), fixture('second.c')];
  // Both objects have a function of that name, with the same code.
  program = programOf(
    { 'first.o': objects[0]!, 'second.o': objects[1]! },
    { replaced: ['twin'] },
  ).program;
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One question to both interpreters. */
interface Case {
  readonly commands: readonly string[];
  /** What the TypeScript side says. */
  readonly expected: readonly string[];
}

function compare(setup: readonly string[], cases: readonly Case[]): void {
  const answers = askRunner(runner, [
    ...setup,
    ...cases.flatMap(({ commands }) => [...commands, 'run']),
  ]);
  expect(answers).toHaveLength(cases.length);
  cases.forEach(({ expected, commands }, index) => {
    const said = commands.map((command) => command.slice(0, 80)).join('; ');
    expect(answers[index], said).toEqual(expected);
  });
}

/** Numbers below `n`, the same in each run: a linear congruential generator. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x100000000) * n);
  };
}

it('agree about a kernel that matches', () => {
  const kernel = new LinkedKernel(objects);
  const result = matchProgram(program, 'vmlinux', kernel);
  expect(result.ok).toBe(true);
  const commands = [`program ${hex(encodeProgram(program))}`];
  compare([...kernel.script], [{ commands, expected: describeResult(result) }]);
});

it('agree about kernels that differ: bytes, symbols, or several of both', () => {
  const kernel = new LinkedKernel(objects);
  const places = matchProgram(program, 'vmlinux', kernel).addresses;
  const setup = [...kernel.script, `program ${hex(encodeProgram(program))}`];
  const roll = dice(1);
  const cases: Case[] = [];
  const verdicts = new Set<string>();
  for (let round = 0; round < 1000; round++) {
    const commands: string[] = [];
    const undo: (() => void)[] = [];
    for (let change = 0; change <= roll(3); change++) {
      if (roll(3) > 0) {
        const index = roll(places.length);
        const address = places[index];
        if (address === undefined) continue;
        const place = address + BigInt(roll(program.spans[index]!.bytes.length));
        const byte = Uint8Array.of(roll(256));
        const before = Uint8Array.from(kernel.poke(place, byte));
        commands.push(`poke ${place.toString(16)} ${hex(byte)}`);
        undo.push(() => kernel.poke(place, before));
      } else {
        const named = roll(2) ? program.spans : program.keys;
        const { name } = named[roll(named.length)]!;
        if (name === '') continue;
        const before = [...kernel.lookup(name)];
        const other = places[roll(places.length)] ?? 0x500n;
        const after = [
          [],
          [other],
          [0x10n],
          [other, 0x10n],
          [...before, other],
          [other, ...before],
        ];
        kernel.setSymbol(name, [...new Set(after[roll(after.length)])]);
        commands.push(symbolCommand(name, kernel.lookup(name)));
        undo.push(() => kernel.setSymbol(name, before));
      }
    }
    const result = matchProgram(program, 'vmlinux', kernel);
    for (const { cause } of result.mismatches) verdicts.add(cause);
    cases.push({ commands, expected: describeResult(result) });
    for (const restore of undo.reverse()) restore();
    // The runner has its own memory to put right.
    cases.push({ commands: restoreCommands(commands, kernel), expected: [] });
  }
  const answers = askRunner(runner, [
    ...setup,
    ...cases.flatMap(({ commands }) => [...commands, 'run']),
  ]);
  cases.forEach(({ commands, expected }, index) => {
    if (expected.length > 0) expect(answers[index], commands.join('; ')).toEqual(expected);
  });
  const all = ['ambiguous', 'differs', 'inconsistent', 'not-a-symbol', 'not-found', 'unreadable'];
  expect([...verdicts].sort()).toEqual(all);
});

/** Commands that set what others changed to what the kernel has now. */
function restoreCommands(commands: readonly string[], kernel: LinkedKernel): string[] {
  return commands.map((command) => {
    const [verb, what = ''] = command.split(' ');
    if (verb === 'symbol') return symbolCommand(what, kernel.lookup(what));
    return `poke ${what} ${hex(kernel.read(BigInt(`0x${what}`), 1)!)}`;
  });
}

it('agree about damaged programs, and neither reads beyond an end', () => {
  const kernel = new LinkedKernel(objects);
  const good = encodeProgram(program);
  const roll = dice(2);
  const cases: Case[] = [];
  let accepted = 0;
  for (let round = 0; round < 2500; round++) {
    const size = roll(8) === 0 ? roll(good.length) : good.length;
    const damaged = Buffer.from(good.subarray(0, size));
    for (let change = 0; change <= roll(3); change++) {
      const at = roll(round % 2 ? Math.min(size, 80) : size);
      if (at < size) damaged[at] = [0, 1, 0x7f, 0x80, 0xff, roll(256)][roll(6)]!;
    }
    const expected = verdictOnDamaged(damaged, kernel);
    if (expected === undefined) continue;
    if (expected[0] !== 'refused') accepted++;
    cases.push({ commands: [`program ${hex(damaged)}`], expected });
  }
  expect(accepted).toBeGreaterThan(200);
  expect(cases.length - accepted).toBeGreaterThan(500);
  compare([...kernel.script], cases);
});

/** Undefined where the two may differ: JavaScript's numbers do not hold all addends. */
function verdictOnDamaged(damaged: Buffer, kernel: LinkedKernel): string[] | undefined {
  let decoded: Program;
  try {
    decoded = decodeProgram(damaged, 'damaged');
  } catch (error) {
    return String(error).includes('an addend is out of range') ? undefined : ['refused'];
  }
  return describeResult(matchProgram(decoded, 'vmlinux', kernel));
}
