// The kernel at a moment, and what it has complained about since.

import { asCount, asRecord } from '../base/stored.js';
import { type Complaint, complaintsIn } from './complaints.js';
import type { Host } from './host.js';
import { newComplaints, type TaintFlag } from './taint.js';

/** What is compared later. */
export interface KernelBefore {
  /** /proc/sys/kernel/tainted */
  readonly tainted: number;
  /** The number of the kernel log's next record. */
  readonly logSequence: number;
}

export const asKernelBefore = asRecord<KernelBefore>({ tainted: asCount, logSequence: asCount });

/** What the kernel says of itself; undefined where that cannot be read. */
export async function kernelNow(host: Host): Promise<KernelBefore | undefined> {
  const [tainted, log] = [await host.tainted(), host.logRecords()];
  if (tainted === undefined || log === undefined) return undefined;
  return { tainted, logSequence: (log.at(-1)?.sequence ?? -1) + 1 };
}

/** Reports in the log, and taint flags, which are there even if the log was overwritten. */
export interface ComplaintsSince {
  readonly reports: readonly Complaint[];
  readonly flags: readonly TaintFlag[];
}

export async function complaintsSince(before: KernelBefore, host: Host): Promise<ComplaintsSince> {
  const from = before.logSequence;
  const log = (host.logRecords() ?? []).filter(({ sequence }) => sequence >= from);
  const tainted = (await host.tainted()) ?? before.tainted;
  return { reports: complaintsIn(log), flags: newComplaints(before.tainted, tainted) };
}
