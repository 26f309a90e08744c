// `npm run bench -- pause`: for how long all CPUs stand still, in the emulated guest, with
// few and many threads, and with one and many functions. What is measured is the core
// alone: its word in /sys/kernel/ksplice/ID/timing. Emulated time is no time of a real
// machine; what counts are the ratios, each of two figures from the same guest.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { testKernel } from '../kernels/kernel.js';
import { buildBase, buildUpdates, type Update } from '../vm/core/kbuild.js';
import { Scene } from '../vm/core/scene.js';
import { type Guest, withGuest } from '../vm/harness/index.js';

const THREADS = [10, 1_000, 5_000];
const FUNCTIONS = [1, 20, 200];
/** Of 5,000 threads' window with all stacks walked in it. */
const GOAL_SHARE = 0.15;
/** What a person might begin to notice, in milliseconds: one frame of a film. */
const GOAL_GROWTH_MS = 40;
const ROUNDS = 5;

/** Prints both tables; fails if a goal is missed. */
export async function benchPause(): Promise<void> {
  const kernel = await testKernel();
  const base = await buildBase(kernel);
  const folder = await mkdtemp(join(tmpdir(), 'ksplice-pause-'));
  const sleepers = join(folder, 'sleepers');
  await execa('gcc', ['-O1', '-pthread', '-o', sleepers, join(import.meta.dirname, 'sleepers.c')]);
  try {
    const built = await buildUpdates(base, FUNCTIONS.map(manyFunctions));
    const options = { name: 'pause', kernel, parallel: true, timeoutMs: 3_600_000 };
    await withGuest(options, async (guest) => {
      const scene = new Scene(guest, base, built);
      await scene.start();
      await guest.ok(`insmod ${base.many}`);
      await byThreads(guest, scene, sleepers);
      await byFunctions(guest, scene);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(base.directory, { recursive: true, force: true });
  }
}

function manyFunctions(count: number): Update {
  const functions = Array.from({ length: count }, (_, index) => `core_many_${100 + index}`);
  return { id: `many${count}`, changes: [{ target: 'core_many', functions }] };
}

/** The window with the first look's result, and without: nothing is written. */
async function byThreads(guest: Guest, scene: Scene, sleepers: string): Promise<void> {
  const id = manyFunctions(1).id;
  await scene.load(id);
  console.log('threads   window   of a full walk   stacks walked');
  let share = 0;
  for (const threads of THREADS) {
    const program = guest.spawn(`exec ${sleepers} ${threads}`);
    await program.output(/asleep/, 300_000);
    const ahead: Window[] = [];
    const full: Window[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [fullWalk, list] of [
        ['N', ahead],
        ['Y', full],
      ] as const) {
        await guest.ok(`echo ${fullWalk} >/sys/module/ksplice/parameters/full_walk`);
        list.push(await tried(scene, id));
      }
    }
    program.kill('SIGKILL');
    await program.finished(120_000);
    const [short, long] = [middle(ahead), middle(full)];
    share = short.ms / long.ms;
    const columns = [
      String(threads).padStart(7),
      `${short.ms.toFixed(2)} ms`.padStart(9),
      `${(100 * share).toFixed(0)} % of ${long.ms.toFixed(2)} ms`.padStart(16),
      `${short.walked} of ${long.walked}`,
    ];
    console.log(columns.join('   '));
  }
  await guest.ok('echo N >/sys/module/ksplice/parameters/full_walk');
  await scene.unload(id);
  verdict(
    `${THREADS.at(-1)} threads: at most ${100 * GOAL_SHARE} % of a full walk`,
    share <= GOAL_SHARE,
  );
}

/** The window of real switches. */
async function byFunctions(guest: Guest, scene: Scene): Promise<void> {
  console.log('functions   apply      undo');
  const applies: number[] = [];
  for (const count of FUNCTIONS) {
    const { id } = manyFunctions(count);
    const windows: [Window[], Window[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      await scene.load(id);
      windows[0].push(windowOf((await scene.apply(id)).timing));
      await guest.ok(`test $(cat /sys/module/core_many/parameters/sum) = ${sumWith(count)}`);
      expectDone(await scene.stage(id, 'reversed'));
      windows[1].push(windowOf((await scene.state(id)).timing));
      await scene.unload(id);
    }
    const [apply, undo] = windows.map((list) => middle(list).ms) as [number, number];
    applies.push(apply);
    console.log(`${String(count).padStart(9)}   ${apply.toFixed(2)} ms   ${undo.toFixed(2)} ms`);
  }
  const growth = applies.at(-1)! - applies[0]!;
  verdict(
    `${FUNCTIONS.at(-1)} functions: at most ${GOAL_GROWTH_MS} ms more than one (${growth.toFixed(2)} ms)`,
    growth <= GOAL_GROWTH_MS,
  );
}

interface Window {
  readonly ms: number;
  readonly walked: number;
}

/** An attempt that finds nobody in the way, but writes nothing. */
async function tried(scene: Scene, id: string): Promise<Window> {
  expectDone(await scene.stage(id, 'try'));
  return windowOf((await scene.state(id)).timing);
}

function windowOf(timing: string): Window {
  const [, ns, walked] = /^window_ns=(\d+) .* walked=(\d+)$/m.exec(timing) ?? [];
  return { ms: Number(ns) / 1e6, walked: Number(walked) };
}

function sumWith(replaced: number): number {
  const last = FUNCTIONS.at(-1)!;
  return (last * (100 + 100 + last - 1)) / 2 + 1000 * replaced;
}

function expectDone(refusal: string): void {
  if (refusal !== '') throw new Error(`the core refused: ${refusal}`);
}

function middle(list: readonly Window[]): Window {
  return list.toSorted((a, b) => a.ms - b.ms)[list.length >> 1]!;
}

function verdict(goal: string, reached: boolean): void {
  console.log(`goal ${goal}: ${reached ? 'reached' : 'MISSED'}`);
  if (!reached) process.exitCode = 1;
}
