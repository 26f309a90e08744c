// What in the kernel log says that something is wrong with the running kernel. There is one list of
// such lines: `status`, a watch (src/install/watcher.ts) and the tests' guests go by it.

import type { LogRecord } from './kernel-log.js';

/** The first lines of the kernel's reports, as they are in versions from 4.19 on. */
const FIRST_LINES = [
  // mm/, lib/, kernel/; KASAN and KFENCE too
  /^BUG: /,
  // kernel/panic.c, lockdep, lib/refcount.c
  /^WARNING: /,
  /^kernel BUG at /,
  /^Oops: /,
  /^Internal error: /,
  // arch/x86/kernel/dumpstack.c counts each: "divide error: 0000 [#1]"
  /: [\da-f]{4,} \[#\d+\]/,
  /^general protection fault/,
  /^Kernel panic - /,
  // kernel/watchdog.c
  /^watchdog: BUG: /,
  /^(?:NMI watchdog|watchdog): .*LOCKUP/i,
  // kernel/hung_task.c
  /^INFO: task .* blocked .*for more than /,
  // kernel/rcu/tree_stall.h, tree_exp.h, tasks.h; before 4.20 without "rcu: "
  /^(?:rcu: )?INFO: rcu\w* (?:self-)?detected /,
  // kernel/locking/lockdep.c
  /^INFO: trying to register non-static key/,
  /^UBSAN: /,
  /^KFENCE: /,
  /^ODEBUG: /,
  // lib/list_debug.c
  /^list_(?:add|del) (?:corruption|double add)/,
  /^unregister_netdevice: waiting for /,
  /^refcount_t: /,
  // ftrace_bug(), which disables tracing for good
  /^ftrace (?:failed|faulted|bug)/i,
  /^Bad page state/,
];
/** " sctp_rcv+0x1c/0x300 [ksplice_8c4rnqv2_sctp_new]", with " 6" or a build id in the brackets. */
const IN_NEW_CODE =
  /([\w.$]+\+0x[\da-f]+\/0x[\da-f]+) \[ksplice_([a-z0-9]{1,16})_\w+_new(?: [^\]]*)?\]/;
/** An address that lay on the stack, perhaps of a call that is over. */
const GUESS = /^\s*\? /;
/** A report is not longer, and the next one may be without a first line that is known. */
const REPORT_LINES = 100;

/** A place in the new code of an update. */
export interface NewCodeFrame {
  readonly id: string;
  /** "sctp_rcv+0x1c/0x300" */
  readonly place: string;
}

/** One report of the kernel. */
export interface Complaint {
  /** Its first line. */
  readonly text: string;
  /** For each update whose new code is named in it, the first place. */
  readonly frames: readonly NewCodeFrame[];
}

/** Whether a line of the kernel log begins a report. */
export function isComplaint(text: string): boolean {
  return FIRST_LINES.some((pattern) => pattern.test(text));
}

/** The reports in the kernel's own records; what programs wrote to the log is left out. */
export function complaintsIn(records: readonly LogRecord[]): Complaint[] {
  const own = records.filter(({ fromKernel }) => fromKernel).map(({ text }) => text);
  const starts = own.flatMap((text, at) => (isComplaint(text) ? [at] : []));
  return starts.map((start, index) => {
    const next = Math.min(starts[index + 1] ?? own.length, start + REPORT_LINES);
    const report = own.slice(start, next);
    const end = report.findIndex((text) => text.startsWith('---[ end '));
    return { text: own[start]!, frames: framesIn(end < 0 ? report : report.slice(0, end)) };
  });
}

function framesIn(report: readonly string[]): NewCodeFrame[] {
  const frames = new Map<string, NewCodeFrame>();
  for (const line of report.filter((text) => !GUESS.test(text))) {
    const [, place, id] = IN_NEW_CODE.exec(line) ?? [];
    if (place === undefined || id === undefined || frames.has(id)) continue;
    frames.set(id, { id, place });
  }
  return [...frames.values()];
}
