// The kernel log of the guest, and what in it is a failure although every
// command succeeded: a hot patch that works but upsets the kernel is no success.

import { isComplaint } from '../../../src/host/complaints.js';

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
 * What a guest's log must not have besides the lines that the tool takes for complaints
 * (src/host/complaints.ts): their words anywhere in a line, what follows such lines, and what is no
 * failure of the kernel but one of our modules.
 */
const MORE_COMPLAINTS = [
  /\bBUG\b/,
  /\bWARNING\b/,
  /\bOops\b/,
  /\bkernel panic\b/i,
  /\bunable to handle\b/i,
  /\bint3\b/,
  /\bCall Trace\b/,
  /\bUnknown symbol\b/,
  /\bdisagrees about version\b/,
  /\bcannot create duplicate\b/,
  /\binconsistent lock state\b/,
  /\bturning off the locking correctness validator\b/,
  /\bDEBUG_LOCKS_WARN_ON\b/,
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
      isComplaint(text) ||
      MORE_COMPLAINTS.some((complaint) => complaint.test(text)) ||
      (level <= ERROR_LEVEL && time >= errorsFrom);
    return bad && !expected.some((pattern) => pattern.test(text));
  });
}
