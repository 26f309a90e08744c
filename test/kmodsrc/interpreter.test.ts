// The two interpreters of match programs against each other: the one of
// kmodsrc/, compiled for user space with the sanitizers, must come to the
// same verdict as the one in TypeScript, word for word, whatever is done to the
// kernel or to the program.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { matchProgram } from '../../src/match/interpret.js';
import { decodeProgram } from '../../src/program/decode.js';
import { encodeProgram } from '../../src/program/encode.js';
import * as L from '../../src/program/layout.js';
import type { Program } from '../../src/program/program.js';
import { LinkedKernel } from '../match/support/linked.js';
import { fixture, programOf, siteFixtures } from '../match/support/programs.js';
import { askRunner, buildRunner, describeResult, hex } from './kernel-interpreter.js';
import { alterRecords, ChangedKernel, changeKernel, damageBytes, dice } from './mutations.js';

/** Of a program and a kernel, no two alike, at least one of the two changed: of each base below. */
const PAIRS_OF_CODE = 4000;
const PAIRS_OF_SITES = 800;
const PAIRS = PAIRS_OF_CODE + siteFixtures.length * PAIRS_OF_SITES;

/** What may come of a pair; of mismatches there may be several. */
const KINDS = [
  ...['refused', 'ok', 'unverified'],
  ...['ambiguous', 'differs', 'inconsistent', 'not-a-symbol', 'not-found', 'unreadable'],
];

interface Base {
  readonly name: string;
  readonly program: Program;
  readonly encoded: Buffer;
  readonly kernel: LinkedKernel;
  readonly places: readonly (bigint | undefined)[];
}

let folder: string;
let runner: string;
let bases: Base[];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  runner = await buildRunner(folder);
  // Both objects have a function of that name, with the same code.
  bases = [
    baseOf(['first.c', 'second.c'], ['twin']),
    ...siteFixtures.map((name) => baseOf([name])),
  ];
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function baseOf(sources: readonly string[], replaced: readonly string[] = []): Base {
  const objects = sources.map((source) => fixture(source));
  const byLabel = Object.fromEntries(objects.map((object, index) => [sources[index]!, object]));
  const { program } = programOf(byLabel, { replaced });
  const kernel = new LinkedKernel(objects);
  const result = matchProgram(program, 'vmlinux', kernel);
  expect(result.mismatches, sources.join()).toEqual([]);
  const places = result.addresses;
  return { name: sources.join(), program, encoded: encodeProgram(program), kernel, places };
}

/** All sentences with which the decoder refuses a program, but for the one that the kernel has no need of. */
function refusals(): RegExp[] {
  const source = readFileSync(
    path.join(import.meta.dirname, '../../src/program/decode.ts'),
    'utf8',
  );
  const sentences = [...source.matchAll(/this\.fail\(\s*([`'])(.*?)\1,?\s*\)/gs)].map(
    ([, , text]) => text!,
  );
  expect(sentences).toHaveLength(source.match(/this\.fail\(/g)!.length);
  return sentences
    .filter((text) => text !== 'an addend is out of range')
    .map((text) => new RegExp(`: ${text.replaceAll(/\$\{.*?\}/g, '.*')}$`, 'm'));
}

/** One question to both interpreters, and what the TypeScript side says. */
interface Pair {
  readonly seed: number;
  readonly program: Buffer;
  readonly kernel: ChangedKernel;
  readonly expected: string;
  /** Each cause, or why it is refused, or that all is well. */
  readonly kinds: readonly string[];
}

/** Undefined where the two may differ: JavaScript's numbers do not hold all addends. */
function verdict(
  data: Buffer,
  kernel: ChangedKernel,
): Pick<Pair, 'expected' | 'kinds'> | undefined {
  let program: Program;
  try {
    program = decodeProgram(data, 'it');
  } catch (error) {
    if (!(error instanceof KspliceError) || error.code !== 'bad-program') throw error;
    if (error.message.includes('an addend is out of range')) return undefined;
    return { expected: 'refused', kinds: ['refused', error.message] };
  }
  const result = matchProgram(program, 'vmlinux', kernel);
  const kinds: string[] = result.mismatches.map(({ cause }) => cause);
  if (result.ok) kinds.push(result.unverified > 0 ? 'unverified' : 'ok');
  return { expected: describeResult(result), kinds };
}

it('agree about kernels that match', async () => {
  for (const { name, program, encoded, kernel } of bases) {
    const commands = [...kernel.script, `program ${hex(encoded)}`, 'run'];
    const expected = describeResult(matchProgram(program, 'vmlinux', kernel));
    expect(await askRunner(runner, commands), name).toEqual([expected]);
  }
});

it('agree about the name of data that has an empty one', async () => {
  const { kernel: linked, encoded, program, places } = bases[0]!;
  const index = program.spans.findIndex(({ name }, at) => name === '' && places[at] !== undefined);
  const kernel = new ChangedKernel(linked);
  kernel.poke(places[index]!, [linked.read(places[index]!, 1)![0]! ^ 1]);
  const data = Buffer.from(encoded);
  const strings = L.TABLES.strings.at;
  const span = data.readUInt32LE(L.TABLES.spans.at) + index * L.TABLES.spans.record;
  data.writeUInt32LE(data.readUInt32LE(strings + 4) - 1, span + L.SPAN.name);
  const said = verdict(data, kernel)!;
  expect(said.kinds).toEqual(['differs']);
  await compare(bases[0]!, [{ seed: 0, program: data, kernel, ...said }]);
});

it(`agree about ${PAIRS} changed programs and kernels, and neither reads beyond an end`, async () => {
  const seen = new Map<string, number>();
  for (const [index, base] of bases.entries()) {
    const pairs = changedPairs(base, index << 20, index === 0 ? PAIRS_OF_CODE : PAIRS_OF_SITES);
    for (const { kinds } of pairs) {
      for (const kind of new Set(kinds)) seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
    await compare(base, pairs);
  }
  for (const kind of KINDS) expect(seen.get(kind), kind).toBeGreaterThan(10);
  // None of the two is tested for a check that no program fails.
  const met = [...seen.keys()].join('\n');
  for (const sentence of refusals()) expect(met).toMatch(sentence);
}, 300_000);

/** Different ones, from one seed on. */
function changedPairs(base: Base, firstSeed: number, count: number): Pair[] {
  const pairs = new Map<string, Pair>();
  for (let seed = firstSeed; pairs.size < count; seed++) {
    expect(seed - firstSeed, `${base.name} cannot be changed often enough`).toBeLessThan(9 * count);
    const roll = dice(seed);
    const kernel = new ChangedKernel(base.kernel);
    const what = roll(3);
    if (what < 2) changeKernel(kernel, base.program, base.places, roll);
    let program = base.encoded;
    if (what > 0) program = (roll(3) ? alterRecords : damageBytes)(program, roll);
    const commands = kernel.commands();
    if (program.equals(base.encoded) && commands.length === 0) continue;
    const identity = [hex(program), ...commands].join();
    const said = pairs.has(identity) ? undefined : verdict(program, kernel);
    if (said) pairs.set(identity, { seed, program, kernel, ...said });
  }
  return [...pairs.values()];
}

async function compare({ name, kernel: linked }: Base, pairs: readonly Pair[]): Promise<void> {
  const commands = pairs.flatMap(({ program, kernel }) => [
    `program ${hex(program)}`,
    ...kernel.commands(),
    'run',
    ...kernel.undoCommands(),
  ]);
  const answers = await askRunner(runner, [...linked.script, ...commands]);
  expect(answers).toHaveLength(pairs.length);
  pairs.forEach(({ seed, kernel, expected }, index) => {
    if (answers[index] === expected) return;
    expect(answers[index], `${name}, seed ${seed}; ${kernel.commands().join('; ')}`).toBe(expected);
  });
}
