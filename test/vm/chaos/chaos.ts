// One guest in which everything happens at once, and the verdict about it.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestKernel } from '../../kernels/kernel.js';
import { withGuest } from '../harness/index.js';
import { TOOL_IN_GUEST } from '../ksplice.js';
import { type Allocated, CHANCE, COUNTED, grown, readAllocated } from '../soak/allocated.js';
import { LANES, laneActions } from './plan.js';
import { type ChaosUpdate, UPDATES } from './updates.js';

const DRIVER = join(import.meta.dirname, 'driver.sh');
/** The first stays, one goes off and comes back, and there is still another. */
const CPUS = 3;
/** Of the actions, in the message of a failure. */
const LAST_ACTIONS = 40;
/** What each task gets when function_graph is used first, and keeps until it dies. */
const OF_TASKS = /(register_ftrace_graph|ftrace_graph_init_task|alloc_ret_?stack)/;
/** What comes of an action that changes what runs: it counts as a switch. */
const SWITCHED = /^chaos: updates \d+: (?:(?:apply|undo): )?(?:applied|reversed|none)$/;

export interface ChaosOptions {
  /** Made by `prepare`. */
  readonly folder: string;
  readonly seed: number;
  readonly minutes: number;
  /** Those that were prepared; all without. */
  readonly updates?: readonly ChaosUpdate[];
  /** Further words for the kernel's command line. */
  readonly append?: readonly string[];
}

export interface Chaos {
  readonly actions: number;
  readonly switches: number;
  /** Memory that nobody gave back, in words. */
  readonly growth: readonly string[];
}

/** What was found, with the seed and the last actions. */
export class Finding extends Error {
  /** What was done, if the guest got to its end. */
  readonly counted: Chaos | undefined;

  constructor(message: string, counted: Chaos | undefined) {
    super(message);
    this.counted = counted;
  }
}

/**
 * Runs the plan of a seed for some minutes.
 * @throws Finding if code and stage disagree, something is left, or the kernel complains
 */
export async function chaos(kernel: TestKernel, options: ChaosOptions): Promise<Chaos> {
  const { folder, seed, minutes, updates = UPDATES, append = [] } = options;
  for (const lane of LANES) {
    await writeFile(
      join(folder, `lane-${lane}`),
      `${laneActions(lane, seed, updates).join('\n')}\n`,
    );
  }
  const seconds = Math.round(minutes * 60);
  // A busy host takes its time to bring everything to an end.
  const timeoutMs = 1_800_000 + 10 * seconds * 1000;
  let console = '';
  let counted: Chaos | undefined;
  try {
    return await withGuest(
      {
        name: 'chaos',
        kernel,
        smp: CPUS,
        timeoutMs,
        append: [COUNTED, ...append],
        // Ours, so that they are on the console.
        expectLog: [/^chaos: /],
      },
      async (guest) => {
        console = guest.console;
        const command = `exec bash ${DRIVER} ${folder} ${seconds} ${seed} ${TOOL_IN_GUEST} 2>&1`;
        const { status, stdout } = await guest.run(command, { timeoutMs });
        if (status !== 0) throw new Error(stdout.trim() || `the driver ended with ${status}`);
        const log = (await guest.dmesg()).map(({ text }) => text);
        await writeFile(join(folder, 'actions'), `${log.join('\n')}\n`);
        const actions = log.filter((text) => /^chaos: \w+ \d+: /.test(text)).length;
        const switches = log.filter((text) => SWITCHED.test(text)).length;
        counted = { actions, switches, growth: growth(stdout, switches / updates.length) };
        return counted;
      },
    );
  } catch (error) {
    const { message } = error as Error;
    throw new Finding(`seed ${seed}: ${message}\n${await lastActions(console)}`, counted);
  }
}

/** The last of what was done, which is on the console even if the kernel died. */
async function lastActions(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line.includes('chaos: '));
  return lines
    .slice(-LAST_ACTIONS)
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n');
}

/** Callers that have more objects than chance explains: more than half of one for each turn of all updates. */
function growth(output: string, turns: number): string[] {
  const [, warm, end] = /^warm\n([\s\S]*?)^done\n([\s\S]*?)^end$/m.exec(output) ?? [];
  if (warm === undefined || end === undefined) throw new Error(`the driver said:\n${output}`);
  const [before, after]: Allocated[] = [readAllocated(warm), readAllocated(end)];
  const limit = Math.max(turns / 2, CHANCE);
  return grown(before!, after!)
    .filter(({ name, more }) => more > limit && !OF_TASKS.test(name))
    .map(({ name, more }) => `${name}: ${more} objects more`);
}
