// `npm run bench`: how long it takes to make the sctp update from nothing and
// again, beside the bare compiler; and to apply and undo it in the emulated
// guest. One run, one table; the numbers also go to .work/bench.json.
// `npm run bench -- differ [PAIRS]`: the differ alone, see differ.ts.
// `npm run bench -- pause`: how long all CPUs stand still, see pause.ts.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from '../vm/harness/index.js';
import { type Answer, configure, examplePatch, ksplice, ROOT, toolLine } from '../vm/ksplice.js';
import { bareCompile } from './bare-compile.js';
import { benchDiffer } from './differ.js';
import { benchPause } from './pause.js';

/** Rounds of what is quick; the median counts. */
const ROUNDS = 3;

interface Row {
  what: string;
  ms: number;
  note: string;
}

async function main(): Promise<void> {
  const kernel = await testKernel();
  const folder = await mkdtemp(join(tmpdir(), 'ksplice-bench-'));
  try {
    const rows: Row[] = [];
    const cache = join(folder, 'cache');
    const confdir = join(folder, 'conf');
    rows.push(await timed('configure', '', () => configure(kernel, confdir)));
    const create = async (id: string) => {
      const args = ['--patch', examplePatch('sctp'), '--config', confdir, '--id', id];
      await ksplice(['create', ...args, '--output', folder], { env: { KSPLICE_CACHE: cache } });
    };
    const cold = await timed('create, nothing cached', '', () => create('cold'));
    cold.note = goal(cold.ms, 60_000);
    const warm = await median('create again', (round) => create(`warm${round}`));
    const bare = await bareCompile(cache, 'net/sctp/input.o', ROUNDS);
    warm.note = `${(warm.ms / bare).toFixed(1)} x the bare compile; ${goal(warm.ms, bare + 10_000)}`;
    rows.push(cold, warm);
    rows.push({ what: 'bare compile of net/sctp/input.o', ms: bare, note: 'the stored command' });
    rows.push(...(await inGuest(join(folder, 'ksplice-cold.tar.gz'))));
    report(rows);
    await mkdir(join(ROOT, '.work'), { recursive: true });
    await writeFile(join(ROOT, '.work', 'bench.json'), JSON.stringify(rows, null, 2));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Applies and undoes the update some times; wall time by the guest's own clock, and the
 * time that all CPUs were stopped. The first round, in which everything is read from the
 * disk and the emulator translates it, has a row of its own.
 */
async function inGuest(update: string): Promise<Row[]> {
  return withGuest({ name: 'bench', parallel: true }, async (guest) => {
    await guest.ok('modprobe sctp');
    const windows: Record<string, number[]> = { apply: [], undo: [] };
    const walls: Record<string, number[]> = { apply: [], undo: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, command] of [
        ['apply', `apply ${update}`],
        ['undo', 'undo cold'],
      ] as const) {
        const { answer, ms } = await timedInGuest(guest, command);
        walls[name]!.push(ms);
        windows[name]!.push(windowOf(answer));
      }
    }
    const rows: Row[] = [];
    for (const name of ['apply', 'undo'] as const) {
      const [first = 0, ...later] = walls[name]!;
      const wall = middle(later);
      rows.push({ what: `${name}, in the guest, first`, ms: first, note: '' });
      rows.push({
        what: `${name}, in the guest`,
        ms: wall,
        note: name === 'apply' ? goal(wall, 3000) : '',
      });
      const window = middle(windows[name]!);
      const share = `${((100 * window) / wall).toFixed(2)} % of it`;
      rows.push({ what: '  of which all CPUs are stopped', ms: window, note: share });
    }
    return rows;
  });
}

/** A command of the tool in the guest that must succeed. */
async function timedInGuest(
  guest: Guest,
  command: string,
): Promise<{ answer: Answer; ms: number }> {
  const clock = 'date +%s%N';
  const line = `began=$(${clock}); ${toolLine(command, process.execPath)} >/tmp/answer; ended=$(${clock});`;
  const text = await guest.ok(`${line} echo $((ended - began)); cat /tmp/answer`, {
    timeoutMs: 120_000,
  });
  const [nanoseconds, answer] = text.split('\n', 2) as [string, string];
  return { answer: JSON.parse(answer) as Answer, ms: Number(nanoseconds) / 1e6 };
}

/** Milliseconds of stop_machine that an answer of `apply` or `undo` tells. */
function windowOf(answer: Answer): number {
  const { window_ns } = answer.timing as { window_ns?: number };
  if (window_ns === undefined) throw new Error('the answer tells no stop_machine window');
  return window_ns / 1e6;
}

async function timed(what: string, note: string, work: () => Promise<unknown>): Promise<Row> {
  const began = performance.now();
  await work();
  return { what, ms: performance.now() - began, note };
}

async function median(what: string, work: (round: number) => Promise<unknown>): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push((await timed(what, '', () => work(round))).ms);
  }
  return { what, ms: middle(times), note: '' };
}

function middle(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function goal(ms: number, limit: number): string {
  return `goal ${(limit / 1000).toFixed(1)} s: ${ms <= limit ? 'reached' : 'MISSED'}`;
}

function report(rows: readonly Row[]): void {
  const [load] = loadavg();
  console.log(`${availableParallelism()} CPUs, load average ${load!.toFixed(1)} at the end`);
  for (const { what, ms, note } of rows) {
    const time = ms < 100 ? `${ms.toFixed(2)} ms` : `${(ms / 1000).toFixed(2)} s`;
    console.log(`${what.padEnd(36)}${time.padStart(10)}   ${note}`.trimEnd());
  }
}

if (process.argv[2] === 'differ') await benchDiffer(process.argv[3]);
else if (process.argv[2] === 'pause') await benchPause();
else await main();
