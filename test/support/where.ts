// Tests of what a kernel may lack. A kernel of one's own may be built without function tracing, say; a stock
// kernel has it, and a test that is skipped there hides something.

import { describe, it } from 'vitest';

/** Whether the kernel is another one than that of `npm test`: its name (test/setup/kernels.sh). */
const OTHER = process.env.KSPLICE_TEST_KERNEL !== undefined;

/**
 * `describe` and `it` for kernels that have something. On another kernel than that of `npm test`, a test that
 * is left out has the reason behind its name, and does not count as failed (test/setup/count.mjs).
 * @param lack what such a kernel is like: "it has no kprobes"
 */
export function where(has: boolean, lack: string) {
  const named = (name: string) => (has || !OTHER ? name : `${name} [not for this kernel: ${lack}]`);
  return {
    describe: (name: string, body: () => void) => describe.runIf(has)(named(name), body),
    it: (name: string, body: () => Promise<void>) => it.runIf(has)(named(name), body),
  };
}
