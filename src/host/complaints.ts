// What the kernel says when something is wrong with it. The first lines of such reports differ from
// version to version; each expression here has the forms of all that are in use.

export type ComplaintKind =
  | 'lockup'
  | 'hung-task'
  | 'rcu-stall'
  | 'kasan'
  | 'warning'
  | 'bug'
  | 'oops';

export interface Complaint {
  readonly kind: ComplaintKind;
  /** Its first line. */
  readonly line: string;
  /** A frame of the report that lies in new code of the update, "f+0x1c/0x30 [module]"; null if none does. */
  readonly inNewCode: string | null;
}

/** The first that fits decides: a lockup begins with "BUG:" as well. */
const FIRST_LINES: readonly (readonly [ComplaintKind, RegExp])[] = [
  // kernel/watchdog.c and kernel/workqueue.c
  ['lockup', /\b(BUG: (soft|workqueue) lockup|Watchdog detected hard LOCKUP)\b/],
  // kernel/hung_task.c
  ['hung-task', /^INFO: task .+ blocked .*for more than \d+ seconds/],
  // kernel/rcu/tree_stall.h, tree_exp.h, tasks.h; before 4.20 without "rcu: "
  ['rcu-stall', /^(rcu: )?INFO: rcu\w* (self-)?detected (expedited )?stalls?\b/],
  ['kasan', /^BUG: (KASAN|KFENCE|KMSAN): /],
  // kernel/panic.c: "CPU: 1 PID: 2 at" before 6.18, "FILE:LINE at F, CPU#1" since; then lockdep's
  ['warning', /^WARNING: (CPU: \d+ PID: \d+|\S+:\d+ at |possible |suspicious |inconsistent |bad )/],
  ['bug', /^(BUG: |kernel BUG at )/],
  // arch/x86/kernel/dumpstack.c counts each: "Oops: 0000 [#1]", "general protection fault: 0000 [#1]"
  ['oops', /^(Kernel panic - not syncing|.*: [\da-f]{4,} \[#\d+\])/],
];

/** The longest report that is searched for frames of new code, in lines. */
const REPORT_LINES = 200;

/**
 * The complaints in lines of the kernel log. Several first lines may belong to one report.
 * @param lines texts of records, in order
 * @param id of the update whose new code is looked for
 */
export function complaintsIn(lines: readonly string[], id: string): Complaint[] {
  return lines.flatMap((line, at) => {
    const kind = FIRST_LINES.find(([, form]) => form.test(line))?.[0];
    if (kind === undefined) return [];
    const report = lines.slice(at, at + REPORT_LINES);
    const end = report.findIndex((text) => text.startsWith('---[ end '));
    return [{ kind, line, inNewCode: newCodeFrame(end < 0 ? report : report.slice(0, end), id) }];
  });
}

/** The complaint that says most: one in new code, if there is one. */
export function loudest(complaints: readonly Complaint[]): Complaint | undefined {
  return complaints.find(({ inNewCode }) => inNewCode !== null) ?? complaints[0];
}

function newCodeFrame(report: readonly string[], id: string): string | null {
  for (const line of report) {
    const [, frame, module = ''] =
      /([\w.]+\+0x[\da-f]+\/0x[\da-f]+ \[(\w+)[^\]]*\])/.exec(line) ?? [];
    // Marked "?": an address that lay on the stack, perhaps of a call that is over.
    if (frame !== undefined && module.startsWith(`ksplice_${id}_`) && !line.includes('? '))
      return frame;
  }
  return null;
}
