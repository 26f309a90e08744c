// Function tracing of the function that an update replaces: ftrace then has its
// call in the first bytes of the old code, which the jump must leave alone.

import { hasOption, type TestKernel } from '../../kernels/kernel.js';
import type { Guest } from '../harness/index.js';

const TRACING = '/sys/kernel/tracing';

/** What a scene does, and whether the replaced function is traced meanwhile. */
type Way = readonly [what: string, traced: boolean];

/** The ways to run a scene; KSPLICE_TEST_SCENES=plain leaves the one without tracing. */
export async function waysToRun(kernel: TestKernel): Promise<readonly Way[]> {
  const plain: Way = ['applies and comes out again', false];
  const traced: Way = ['does the same while the replaced function is traced', true];
  const only = process.env.KSPLICE_TEST_SCENES === 'plain';
  return only || !(await hasOption(kernel, 'FUNCTION_TRACER')) ? [plain] : [plain, traced];
}

/** Switches the function tracer on for one function. */
export async function traceFunction(guest: Guest, name: string): Promise<void> {
  await guest.ok(
    `cd ${TRACING} && echo ${name} >set_ftrace_filter && echo function >current_tracer`,
  );
}

/** How often the function was entered since the last look. */
export async function tracedCalls(guest: Guest, name: string): Promise<number> {
  const calls = await guest.ok(
    `grep -c ': ${name} <-' ${TRACING}/trace || true; echo >${TRACING}/trace`,
  );
  return Number(calls);
}

export async function stopTracing(guest: Guest): Promise<void> {
  await guest.ok(`cd ${TRACING} && echo nop >current_tracer && echo >set_ftrace_filter`);
}
