// Applies and undoes built updates, one after another in one boot of the stock
// kernel, and looks at what the kernel's log says meanwhile.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { TestKernel } from '../kernels/kernel.js';
import { bootGuest } from '../vm/harness/index.js';
import { type LogRecord, unexpectedRecords } from '../vm/harness/kernlog.js';
import type { GuestItem, GuestResult } from './in-guest.js';

/**
 * What says nothing of an update: every out-of-tree module without a signature causes the
 * first two, once a boot; a driver that was loaded for the update asks for its firmware later.
 */
const EXPECTED = [
  /loading out-of-tree module taints kernel/,
  /module verification failed/,
  /firmware: failed to load/,
];

/** Loading the target and both modules, walking kallsyms for each symbol, in emulation. */
const UPDATE_TIMEOUT_MS = 300_000;

/**
 * @param directory for the program that runs in the guest
 * @param minutes the longest that the guest may take
 * @returns by id; an update that was not reached has none
 */
export async function applyInGuest(
  items: readonly GuestItem[],
  kernel: TestKernel,
  directory: string,
  minutes: number,
  tell: (result: GuestResult, index: number) => void,
): Promise<Map<string, GuestResult>> {
  const program = join(directory, 'in-guest.cjs');
  const list = join(directory, 'guest-list.json');
  await bundle(program);
  writeFileSync(list, JSON.stringify(items));
  const timeoutMs = minutes * 60_000;
  // What modules of absent hardware say when they are loaded is none of our business.
  const options = { name: 'corpus', kernel, memoryMb: 3072, timeoutMs, expectLog: [/(?:)/] };
  const guest = await bootGuest(options);
  const results = new Map<string, GuestResult>();
  const run = guest.spawn(`exec ${process.execPath} ${program} ${list}`);
  try {
    for (const [index, { id }] of items.entries()) {
      const line = new RegExp(`^\\{"id":"${id}".*\\}\\n`, 'm');
      await run.output(line, UPDATE_TIMEOUT_MS);
      const result = JSON.parse(line.exec(run.stdout)?.[0] ?? '') as GuestResult;
      results.set(id, result);
      tell(result, index);
    }
    judgeLog(await guest.dmesg(), results);
    await guest.close();
  } catch (error) {
    // The one that was under way is to blame; those behind it were not tried.
    const { message } = await guest.failed(error);
    const guilty = items[results.size];
    if (!guilty) throw error;
    const failed = { outcome: 'failed', message, applyMs: 0, functions: 0 } as const;
    results.set(guilty.id, { id: guilty.id, ...failed });
    tell(results.get(guilty.id)!, results.size - 1);
  }
  return results;
}

/** An update during which the kernel complained has failed, whatever the commands said. */
function judgeLog(log: readonly LogRecord[], results: Map<string, GuestResult>): void {
  let current: string | undefined;
  const records = new Map<string, LogRecord[]>();
  for (const record of log) {
    const [, id, what] = /^corpus (\w+) (apply|end)$/.exec(record.text) ?? [];
    if (what === 'apply') current = id;
    else if (what === 'end') current = undefined;
    else if (current) records.set(current, [...(records.get(current) ?? []), record]);
  }
  for (const [id, of] of records) {
    const bad = unexpectedRecords(of, 0, EXPECTED);
    const result = results.get(id);
    if (bad.length === 0 || !result) continue;
    // A refusal is told in the log as well; it stays what it is.
    if (result.outcome === 'conflict') continue;
    const message = `${result.message} kernel log: ${bad.map(({ text }) => text).join(' | ')}`;
    results.set(id, { ...result, outcome: 'failed', message: message.trim() });
  }
}

async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'in-guest.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['iced-x86'],
    logLevel: 'warning',
  });
}
