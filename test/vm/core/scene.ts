// The kernel core in a guest, as tests drive it: load an update's modules, write
// its stage, read what it says.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parseKallsyms } from '../../../src/kernel/kallsyms-text.js';
import { bindToAddresses } from '../../../src/module/absolute.js';
import type { Background, Guest } from '../harness/index.js';
import type { Base, Built } from './kbuild.js';

/** What /sys/kernel/ksplice/ID says, each file without its last newline. */
export interface State {
  readonly stage: string;
  readonly abort_cause: string;
  readonly conflicts: string;
  readonly match: string;
  readonly functions: string;
  readonly saved: string;
  readonly timing: string;
  readonly order: string;
  readonly on: string;
}

const FILES = [
  'stage',
  'abort_cause',
  'conflicts',
  'match',
  'functions',
  'saved',
  'timing',
  'order',
  'on',
] as const;
/** Longer than all attempts of a switch, on a busy machine. */
const SWITCH_MS = 120_000;

/** What answers() is without any update. */
export const OLD_ANSWERS = ['old plain', 'old label off', 'old op'];

/** A task that sleeps; its output begins with its process id, in a line. */
export interface Sleeper {
  readonly pid: number;
  readonly end: Background;
}

function expectState(state: State, stage: string, abort_cause: string): void {
  assert.deepEqual(state, { ...state, stage, abort_cause });
}

export class Scene {
  constructor(
    readonly guest: Guest,
    private readonly base: Base,
    private readonly updates: ReadonlyMap<string, Built>,
  ) {}

  async start(): Promise<void> {
    await this.startCore();
    await this.guest.ok(`insmod ${this.base.target}`);
  }

  async startCore(): Promise<void> {
    await this.guest.ok(`insmod ${await this.core()}`);
  }

  /** The core as this kernel can load it: a path in the guest. */
  private async core(): Promise<string> {
    const { core, hasLivepatch } = this.base;
    if (hasLivepatch) return core;
    const text = (await this.guest.readFile('/proc/kallsyms')).toString('latin1');
    const kallsyms = parseKallsyms(text, '/proc/kallsyms', 'unreadable-kernel');
    const bound = bindToAddresses(await readFile(core), core, (name, object) =>
      kallsyms.lookup(name, object),
    );
    await this.guest.writeFile('/run/ksplice.ko', bound);
    return '/run/ksplice.ko';
  }

  built(id: string): Built {
    const built = this.updates.get(id);
    if (!built) throw new Error(`there is no update ${id}`);
    return built;
  }

  /** Loads old and new code of all targets, or of one; nothing is switched. */
  async load(id: string, only?: string): Promise<void> {
    for (const { target, old, new: added } of this.built(id).modules) {
      if (only !== undefined && target !== only) continue;
      await this.guest.ok(`insmod ${old} && insmod ${added}`, { timeoutMs: SWITCH_MS });
    }
  }

  async unload(id: string): Promise<void> {
    // New code may be used by that of the targets after it.
    for (const { target } of [...this.built(id).modules].reverse()) {
      await this.guest.ok(`rmmod ksplice_${id}_${target}_new ksplice_${id}_${target}_old`);
    }
    const left = (await this.guest.ok('ls /sys/kernel/ksplice')).split('\n');
    assert.ok(!left.includes(id), `the core still has ${id}`);
  }

  async unloadOld(id: string): Promise<void> {
    const names = this.built(id).modules.map(({ target }) => `ksplice_${id}_${target}_old`);
    await this.guest.ok(`rmmod ${names.join(' ')}`);
  }

  /** Writes the stage; the errno's text, or '' if the write succeeded. */
  async stage(id: string, word: string): Promise<string> {
    const command = `LC_ALL=C; echo ${word} >/sys/kernel/ksplice/${id}/stage`;
    const { status, stderr } = await this.guest.run(command, { timeoutMs: SWITCH_MS });
    return status === 0 ? '' : stderr.trim().replace(/^.*: /, '');
  }

  async state(id: string): Promise<State> {
    // Without a process for each file: they are what takes time in an emulated machine.
    const each = `mapfile -d '' -n 1 text <"$file"; printf '%s\\0' "\${text[0]}"`;
    const command = `cd /sys/kernel/ksplice/${id} && for file in ${FILES.join(' ')}; do ${each}; done`;
    const texts = (await this.guest.ok(command)).split('\0');
    const entries = FILES.map((file, index) => [file, texts[index]!.replace(/\n$/, '')]);
    return Object.fromEntries(entries) as unknown as State;
  }

  /** Writes the stage again while a task is just passing through the code, as the tool does. */
  private async insist(id: string, word: string): Promise<{ refusal: string; state: State }> {
    for (let left = 20; ; left--) {
      const refusal = await this.stage(id, word);
      const state = await this.state(id);
      if (state.abort_cause !== 'code_busy' || left === 0) return { refusal, state };
    }
  }

  /** Applies an update that must go in. */
  async apply(id: string): Promise<State> {
    const { refusal, state } = await this.insist(id, 'applied');
    assert.equal(refusal, '', JSON.stringify(state));
    expectState(state, 'applied', 'ok');
    return state;
  }

  /** Undoes an update that must come out, and unloads it. */
  async remove(id: string): Promise<void> {
    const { refusal, state } = await this.insist(id, 'reversed');
    assert.equal(refusal, '', JSON.stringify(state));
    expectState(state, 'reversed', 'ok');
    await this.unload(id);
  }

  /** The switch must be refused, for that cause, and change nothing. */
  async refused(id: string, word: 'applied' | 'reversed' | 'try', cause: string): Promise<State> {
    const before = await this.state(id);
    const refusal = await this.stage(id, word);
    const state = await this.state(id);
    assert.notEqual(refusal, '', JSON.stringify(state));
    expectState(state, before.stage, cause);
    return state;
  }

  /** What those of the target's functions answer that an update replaces by a jump, by ftrace and in place. */
  async answers(): Promise<string[]> {
    return Promise.all(['plain', 'label', 'op'].map((name) => this.call(name)));
  }

  /** A task that reads a file of the target module, once it is asleep in that function. */
  async asleep(file: string, symbol: string): Promise<Sleeper> {
    const end = this.guest.spawn(`echo $$; exec cat /proc/${file}`);
    await end.output(/^\d+\n/);
    const pid = Number.parseInt(end.stdout, 10);
    const stack = `/proc/${pid}/stack`;
    await this.guest.ok(
      `for i in $(seq 100); do grep -q '${symbol}' ${stack} && exit; sleep 0.1; done; cat ${stack}; exit 1`,
    );
    return { pid, end };
  }

  /** What one of the target module's functions answers. */
  async call(name: string): Promise<string> {
    return this.guest.ok(`cat /sys/module/core_target/parameters/${name}`);
  }

  async set(name: string, value: string): Promise<void> {
    await this.guest.ok(`echo ${value} >/sys/module/core_target/parameters/${name}`);
  }

  /** Tracefs, where the guest has it. */
  trace(file: string): string {
    return `/sys/kernel/tracing/${file}`;
  }
}
