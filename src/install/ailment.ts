// Whether an update hurts: what the kernel complains about, how long the machine stood still, and what
// the probes say.

import { setTimeout as pause } from 'node:timers/promises';
import { engineOf } from '../apply/engines.js';
import { milliseconds } from '../base/words.js';
import type { Complaint } from '../host/complaints.js';
import type { Host } from '../host/host.js';
import { complaintsSince } from '../host/kernel-before.js';
import type { Watch } from '../host/watched.js';
import { probeFailure } from './probe.js';

const PROBE_EVERY_TICKS = 5;
/** In which the rest of a report comes that has begun. */
const REPORT_MS = 1000;

/**
 * What is wrong since the watch began; undefined if nothing is.
 * @param tick counts the looks, from 0
 */
export async function ailment(watch: Watch, tick: number, host: Host): Promise<string | undefined> {
  return (
    (await complaint(watch, host)) ??
    (await longStop(watch, host)) ??
    (tick % PROBE_EVERY_TICKS === 0 ? await firstFailure(watch.probes) : undefined)
  );
}

/** The first probe that fails says what is wrong. */
export async function firstFailure(probes: readonly string[]): Promise<string | undefined> {
  const failures = await Promise.all(probes.map((probe) => probeFailure(probe)));
  return failures.find((failure) => failure !== undefined);
}

async function complaint(watch: Watch, host: Host): Promise<string | undefined> {
  if (!(await hasComplaint(watch, host))) return undefined;
  await pause(REPORT_MS);
  const { reports, flags } = await complaintsSince(watch.before, host);
  const ours = reports.find((report) => placeIn(report, watch.id) !== undefined);
  if (ours) {
    return `IN NEW CODE, at ${placeIn(ours, watch.id)}: the kernel log has "${ours.text}"`;
  }
  const [first] = reports;
  if (first) return `the kernel log has "${first.text}"`;
  return flags.map(({ letter, meaning }) => `${meaning} (taint ${letter})`).join('; ');
}

async function hasComplaint(watch: Watch, host: Host): Promise<boolean> {
  const { reports, flags } = await complaintsSince(watch.before, host);
  return watch.origin === 'boot'
    ? reports.some((report) => placeIn(report, watch.id) !== undefined)
    : reports.length > 0 || flags.length > 0;
}

function placeIn({ frames }: Complaint, id: string): string | undefined {
  return frames.find((frame) => frame.id === id)?.place;
}

async function longStop({ id, maxStop }: Watch, host: Host): Promise<string | undefined> {
  if (maxStop === 0) return undefined;
  const timings = await engineOf(host).timings(id);
  const longest = Math.max(0, ...timings.map(({ window_ns = 0 }) => window_ns));
  if (longest <= maxStop) return undefined;
  return `the machine was stopped for ${milliseconds(longest)}, and ${milliseconds(maxStop)} are allowed`;
}
