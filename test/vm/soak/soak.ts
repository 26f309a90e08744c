// Many updates applied and undone, one after the other, in one boot of the stock kernel
// with two CPUs under load. At the end the kernel log must be clean and the kernel must
// hold no more memory than after the first few.

import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TestKernel } from '../../kernels/kernel.js';
import { type Built, buildBase, buildUpdates, type Update } from '../core/kbuild.js';
import { Scene } from '../core/scene.js';
import { withGuest } from '../harness/index.js';
import { TcpStream } from '../traffic/tcp.js';
import { type Allocated, CHANCE, COUNTED, grown, readAllocated } from './allocated.js';

const SCRIPT = fileURLToPath(new URL('soak.sh', import.meta.url));

interface Soaked extends Update {
  /** The file that a replaced function answers in, and what it says before and after. */
  readonly ask: readonly [file: string, before: string, after: string];
  readonly allowBusy?: string;
}

const parameter = (name: string) => `/sys/module/core_target/parameters/${name}`;
const replacing = (id: string, ...functions: string[]): Soaked => ({
  id,
  changes: [{ target: 'core_target', functions: functions.map((name) => `core_${name}`) }],
  ask: [parameter(functions[0]!), `old ${functions[0]}`, `new core_${functions[0]}`],
});

/** Every way to replace something: by a jump, at the entry, by ftrace, in place, in the kernel proper. */
const updates: readonly Soaked[] = [
  replacing('plain', 'plain'),
  replacing('bare', 'bare'),
  { ...replacing('label', 'label'), ask: [parameter('label'), 'old label off', 'new core_label'] },
  {
    id: 'table',
    changes: [{ target: 'core_target', functions: ['core_plain'], data: ['core_table'] }],
    ask: [parameter('op'), 'old op', 'new op'],
  },
  {
    id: 'pair',
    changes: [
      { target: 'core_target', functions: ['core_twin', 'core_bare', 'core_label'] },
      { target: 'vmlinux', functions: ['cmdline_proc_show'] },
    ],
    ask: [parameter('twin'), 'old twin', 'new core_twin'],
  },
  // A task sleeps in it all the time, in the old code.
  { ...replacing('sleeper', 'plain', 'sleeper'), allowBusy: 'core_sleeper' },
  {
    id: 'many',
    changes: [
      {
        target: 'core_many',
        functions: Array.from({ length: 100 }, (_, index) => `core_many_${100 + index}`),
      },
    ],
    ask: ['/sys/module/core_many/parameters/sum', '39900', '139900'],
  },
];

/** What keeps the scheduler and the file system busy; the words after `soak-load` are in its command line. */
const LOADS = [
  'while :; do /bin/true; done',
  'mkdir -p /run/test/load; cd /run/test/load; while :; do dd if=/dev/zero of=a bs=64k count=32 status=none; cp a b; sync a; rm a b; done',
];

export interface Soak {
  readonly cycles: number;
  /** After the first rotation, and at the end. */
  readonly warm: Allocated;
  readonly end: Allocated;
  /** Cycles between the two. */
  readonly between: number;
  readonly bytesStreamed: number;
}

/**
 * Runs the cycles and judges all but the memory.
 * @param tell is called with the number of cycles, now and then
 * @throws Error if a switch fails or does not do what it should, or the log has a complaint
 */
export async function soak(
  kernel: TestKernel,
  cycles: number,
  tell: (cycle: number) => void = () => {},
): Promise<Soak> {
  // For the moments at which tracers are switched on.
  const seed = Date.now() % 32_768;
  const base = await buildBase(kernel);
  try {
    const built = await buildUpdates(base, updates);
    // A minute a cycle is far too long even for an emulator on a busy machine.
    const timeoutMs = 1_200_000 + cycles * 60_000;
    return await withGuest(
      { name: 'soak', kernel, timeoutMs, append: [COUNTED] },
      async (guest) => {
        await new Scene(guest, base, built).start();
        await guest.ok(`insmod ${base.many}`);
        await guest.writeFile('/run/test/updates', updates.map((one) => line(one, built)).join(''));
        const loads = LOADS.map((load) => guest.spawn(`exec nice bash -c '${load}' soak-load`));
        const stream = await TcpStream.open(guest, 4711);
        const sleeper = guest.spawn('exec cat /proc/core_sleeper');
        const command = `exec bash ${SCRIPT} /run/test/updates ${cycles} ${seed} 2>&1`;
        const run = guest.spawn(command);
        const progress = setInterval(() => {
          const told = [...run.stdout.matchAll(/^cycle (\d+)$/gm)].at(-1)?.[1];
          if (told !== undefined) tell(Number(told));
        }, 30_000);
        const { stdout: output } = await run
          .finished(timeoutMs)
          .finally(() => clearInterval(progress));
        const streamed = await stream.close();
        if (streamed.wrong > 0)
          throw new Error(`the connection broke: ${JSON.stringify(streamed)}`);
        for (const load of [...loads, sleeper]) load.kill('SIGKILL');
        const between = cycles - updates.length;
        return { cycles, ...readOutput(output), between, bytesStreamed: streamed.received };
      },
    );
  } finally {
    await rm(base.directory, { recursive: true, force: true });
  }
}

/**
 * What has grown more than chance can explain, in words: more than half an object of one caller in
 * each rotation, and half a page a cycle.
 */
export function growth({ warm, end, between }: Soak): string[] {
  const limit = Math.max(between / updates.length / 2, CHANCE);
  const callers = grown(warm, end)
    .filter(({ more }) => more > limit)
    .map(({ name, more }) => `${name}: ${more} objects more after ${between} cycles`);
  const more = end.vmalloc - warm.vmalloc;
  const room = Math.max(between / 2, 16) * 4096;
  return more > room ? [...callers, `vmalloc: ${more} bytes more`] : callers;
}

function line({ id, ask, allowBusy = '' }: Soaked, built: ReadonlyMap<string, Built>): string {
  const modules = built.get(id)!.modules;
  const files = (['old', 'new'] as const).map((kind) => modules.map((one) => one[kind]).join(' '));
  return `${[id, ...files, allowBusy, ...ask].join('\t')}\n`;
}

function readOutput(output: string): { warm: Allocated; end: Allocated } {
  const [, warm, end] = /^warm \d+\n([\s\S]*?)^done \d+\n([\s\S]*?)^end$/m.exec(output) ?? [];
  if (warm === undefined || end === undefined) throw new Error(`the soak said:\n${output}`);
  return { warm: readAllocated(warm), end: readAllocated(end) };
}
