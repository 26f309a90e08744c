// What in the kernel log says that something is wrong with the running kernel.

import type { LogRecord } from './kernel-log.js';

/** The first lines of the kernel's reports, as lib/, kernel/ and mm/ write them. */
const FIRST_LINES = [
  /^BUG: /,
  /^(?:WARNING|watchdog: BUG): /,
  /^kernel BUG at /,
  /^Oops: /,
  /^general protection fault/,
  /^(?:invalid opcode|int3|divide error|stack segment): /,
  /^Kernel panic - /,
  /^INFO: task .* blocked for more than /,
  /^(?:rcu: )?INFO: rcu_\w+ (?:self-)?detected /,
  /^(?:NMI watchdog|watchdog): .*LOCKUP/i,
  /^UBSAN: /,
  /^KFENCE: |^BUG: KFENCE/,
  /^(?:list_add|list_del) corruption/,
  /^unregister_netdevice: waiting for /,
  /^refcount_t: /,
  /^ftrace (?:failed|faulted|bug)/i,
  /^Bad page state|^BUG: Bad /,
];
/** " sctp_rcv+0x1c/0x300 [ksplice_8c4rnqv2_sctp_new]", with " 6" or a build id in the brackets. */
const IN_NEW_CODE = /\[ksplice_([a-z0-9]{1,16})_\w+_new(?: [^\]]*)?\]/;
/** A report is not longer, and the next one may be without a first line that is known. */
const REPORT_LINES = 100;

/** One report of the kernel. */
export interface Complaint {
  /** Its first line. */
  readonly text: string;
  /** Ids of the updates whose new code is named in it. */
  readonly updates: readonly string[];
}

/** The reports in the kernel's own records; what programs wrote to the log is left out. */
export function complaintsIn(records: readonly LogRecord[]): Complaint[] {
  const own = records.filter(({ fromKernel }) => fromKernel);
  const starts = own.flatMap(({ text }, at) =>
    FIRST_LINES.some((pattern) => pattern.test(text)) ? [at] : [],
  );
  return starts.map((start, index) => {
    const end = Math.min(starts[index + 1] ?? own.length, start + REPORT_LINES);
    const ids = own.slice(start, end).flatMap(({ text }) => IN_NEW_CODE.exec(text)?.[1] ?? []);
    return { text: own[start]!.text, updates: [...new Set(ids)] };
  });
}
