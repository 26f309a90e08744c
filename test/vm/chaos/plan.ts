// What is done, when, and in which order: all of it follows from the seed.
//
// Several things go on at once, each in a lane of its own: the updates, the tracers, the
// probes, the programs that watch, the CPUs, the modules. A lane is a list of actions, one
// a line for the guest's scripts: number, pause before it in milliseconds, verb, arguments.
// How lanes meet is up to the guest.

import { newCodeName } from '../../../src/module/new-code-names.js';
import { type ChaosUpdate, UPDATES } from './updates.js';

export const LANES = ['updates', 'tracers', 'probes', 'watchers', 'cpus', 'modules'] as const;
export type Lane = (typeof LANES)[number];

/** How many actions of a lane there are; more than an hour's. */
const LENGTH = 20_000;
/** CPUs that go and come back; the first stays. */
const CPUS = [1, 2];
/** A module that starts a kernel thread for each CPU, and ends them when it goes. */
const WITH_THREADS = 'pktgen';

/** Random numbers from a seed. */
export class Choice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `n` - 1. */
  below(n: number): number {
    // A Weyl sequence whose bits are then mixed.
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0_aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a_2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) % n;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** True in `percent` of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

type Words = readonly (string | number)[];

/** What is done next in a lane. */
type Next = (choice: Choice, updates: readonly ChaosUpdate[]) => Words;

const SIGNALS = ['KILL', 'INT', 'TERM'] as const;

const nextSwitch: Next = (choice, updates) => {
  const { id } = choice.of(updates);
  if (choice.chance(3)) return ['view'];
  if (choice.chance(4)) return ['core'];
  if (choice.chance(70)) return ['toggle', id];
  if (choice.chance(15)) return ['try', id];
  // A call takes a second or two, of which the first half is its start.
  if (choice.chance(50)) return ['kill', id, choice.of(SIGNALS), 400 + choice.below(2500)];
  return ['tool', id];
};

const functionOf: (choice: Choice, updates: readonly ChaosUpdate[]) => string = (choice, updates) =>
  choice.of(choice.of(updates).functions);

const nextTracer: Next = (choice, updates) => {
  if (choice.chance(45)) return ['trace', 'nop'];
  const tracer = choice.of(['function', 'function_graph']);
  const others = ['do_*', '*poll*', '*exit*', 'mm*', 'vfs_*'];
  return ['trace', tracer, choice.chance(75) ? functionOf(choice, updates) : choice.of(others)];
};

const nextProbe: Next = (choice, updates) => {
  if (choice.chance(30)) return ['unprobe'];
  if (choice.chance(5)) return ['optimize', choice.below(2)];
  const { id, functions, module = 'vmlinux' } = choice.of(updates);
  const name = choice.of(functions);
  if (choice.chance(30)) return ['probe', 'r', name, 0];
  const offset = choice.chance(25) ? 0 : choice.below(64);
  const place = choice.chance(20) ? `ksplice_${id}_${module}_new:${newCodeName(name, id)}` : name;
  return ['probe', 'p', place, offset];
};

const nextWatcher: Next = (choice, updates) => {
  const ms = 200 + choice.below(3000);
  if (choice.chance(40)) return ['watch', ms, 'samples'];
  const kind = choice.of(['kprobe', 'kretprobe', 'fentry', 'fexit']);
  const offset = kind === 'kprobe' && choice.chance(50) ? choice.below(48) : 0;
  return ['watch', ms, kind, functionOf(choice, updates), offset];
};

// Not for long: an update is not undone as long as one is off.
const nextCpu: Next = (choice) => ['cpu', choice.of(CPUS), choice.below(1500)];

const nextModule: Next = (choice, updates) => {
  const modules = [...updates.flatMap(({ module }) => module ?? []), WITH_THREADS];
  return ['module', choice.of(modules), choice.chance(40) ? 'out' : 'in'];
};

/** What a lane does, and the longest pause before it in milliseconds. */
const HOW: Readonly<Record<Lane, readonly [next: Next, pause: number]>> = {
  updates: [nextSwitch, 300],
  tracers: [nextTracer, 2000],
  probes: [nextProbe, 1000],
  watchers: [nextWatcher, 500],
  cpus: [nextCpu, 4000],
  modules: [nextModule, 4000],
};

/** One lane's actions, as the guest reads them. */
export function laneActions(
  lane: Lane,
  seed: number,
  updates: readonly ChaosUpdate[] = UPDATES,
  length = LENGTH,
): string[] {
  const [next, pause] = HOW[lane];
  // Each lane has its own numbers: what one does must not depend on how far another got.
  const choice = new Choice(Math.imul(seed, 31) + LANES.indexOf(lane));
  return Array.from({ length }, (_, index) => {
    const words = [index + 1, choice.below(pause), ...next(choice, updates)];
    return words.join(' ');
  });
}
