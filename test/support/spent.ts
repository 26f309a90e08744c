// Where the time of a test run goes: with $KSPLICE_TEST_TIMES, each step of a test that takes long
// leaves a line in that file. test/setup/times.mjs adds them up.

import { appendFileSync, readFileSync } from 'node:fs';

/** Of a step, in seconds: as the clock has it, and of processors. */
interface Spent {
  readonly what: string;
  readonly seconds: number;
  readonly cpu: number;
}

/** /proc counts in these, on every machine that Linux runs on. */
const TICKS_A_SECOND = 100;

/** Measures a step, `boot` for instance. */
export async function spending<T>(what: string, step: () => Promise<T>): Promise<T> {
  const file = process.env.KSPLICE_TEST_TIMES;
  if (!file) return step();
  const [began, before] = [performance.now(), cpuTime()];
  try {
    return await step();
  } finally {
    const seconds = (performance.now() - began) / 1000;
    const spent: Spent = { what, seconds, cpu: cpuTime() - before };
    const test = (globalThis as { __vitest_worker__?: { filepath?: string } }).__vitest_worker__;
    appendFileSync(file, `${JSON.stringify({ test: test?.filepath, ...spent })}\n`);
  }
}

/** Of this process and all that it has started, those included that still run. */
function cpuTime(): number {
  return ticks(process.pid) / TICKS_A_SECOND;
}

function ticks(pid: number): number {
  try {
    // utime, stime, and both of children that have ended (proc(5)), after a name in parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ');
    return children.filter(Boolean).reduce((sum, child) => sum + ticks(Number(child)), own);
  } catch {
    return 0;
  }
}
