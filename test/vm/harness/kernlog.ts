// The kernel log of the guest, and what in it is a failure although every
// command succeeded: a hot patch that works but upsets the kernel is no success.

/** One record of the kernel log. */
export interface LogRecord {
  /** syslog level, 0 (emergency) to 7 (debug) */
  level: number;
  /** microseconds since boot */
  time: number;
  text: string;
}

/** A line of /dev/kmsg: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT`, or undefined for a dictionary line. */
export function parseRecord(line: string): LogRecord | undefined {
  const match = /^(\d+),\d+,(\d+),[^;]*;(.*)$/.exec(line);
  if (match === null) return undefined;
  return { level: Number(match[1]) & 7, time: Number(match[2]), text: match[3] ?? '' };
}

/**
 * Words of the kernel's own complaints, whatever their level. "ftrace" complaints
 * are those of ftrace_bug(), which disables tracing for good.
 */
const COMPLAINTS = [
  /\bBUG\b/,
  /\bWARNING\b/,
  /\bOops\b/,
  /\bkernel panic\b/i,
  /\bgeneral protection fault\b/,
  /\bunable to handle\b/i,
  /\binvalid opcode\b/,
  /\bint3\b/,
  /\bCall Trace\b/,
  /\bftrace (failed|faulted|bug)\b/i,
  /\bUnknown symbol\b/,
  /\bdisagrees about version\b/,
  /\bcannot create duplicate\b/,
  /\bsuspicious RCU\b/,
  /\bpossible (circular locking|irq lock inversion|recursive locking)\b/,
  /\binconsistent lock state\b/,
  /\bregister non-static key\b/,
  /\bturning off the locking correctness validator\b/,
  /\blist_(add|del) (corruption|double add)\b/,
  /\bODEBUG\b/,
  /\bDEBUG_LOCKS_WARN_ON\b/,
  /\bdetected stalls?\b/,
  /\bsoft lockup\b/,
  /\bblocked for more than\b/,
  /\bunregister_netdevice: waiting\b/,
  /^harness: /,
];

/** KERN_ERR: at this level and below (more severe) a record needs to be expected. */
const ERROR_LEVEL = 3;

/**
 * Whether lockdep was watching to the end, from /proc/lockdep_stats: after its first complaint, or
 * when its tables are full, it looks at nothing any more.
 */
export function lockdepWatches(stats: string): boolean {
  return /^ debug_locks:\s+1$/m.test(stats);
}

/**
 * The records that nobody expected: complaints anywhere, and errors from
 * `errorsFrom` (microseconds) on, since an emulated machine may lack something at boot.
 */
export function unexpectedRecords(
  records: readonly LogRecord[],
  errorsFrom: number,
  expected: readonly RegExp[],
): LogRecord[] {
  return records.filter(({ level, time, text }) => {
    const bad =
      COMPLAINTS.some((complaint) => complaint.test(text)) ||
      (level <= ERROR_LEVEL && time >= errorsFrom);
    return bad && !expected.some((pattern) => pattern.test(text));
  });
}
