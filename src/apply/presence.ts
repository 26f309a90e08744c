// Which targets of an update are in the kernel now.

import type { Host } from '../host/host.js';
import { busyProblems } from '../inspect/allow-busy.js';
import type { TargetChange } from '../update/contents.js';
import { decodedProgramOf, type Update } from '../update/update.js';

/** Those that are loaded, and those that are not. */
export async function byPresence(
  changes: readonly TargetChange[],
  host: Host,
): Promise<{ now: TargetChange[]; later: TargetChange[] }> {
  const now: TargetChange[] = [];
  const later: TargetChange[] = [];
  for (const change of changes) {
    const { target } = change;
    const here = target === 'vmlinux' || (await host.moduleState(target)) === 'live';
    (here ? now : later).push(change);
  }
  return { now, later };
}

/** Of functions that may be busy, those that these targets have. */
export function busyNamesOf(
  update: Update,
  changes: readonly TargetChange[],
  names: readonly string[],
): string[] {
  if (names.length === 0) return [];
  const programs = changes.map((change) => decodedProgramOf(update, change));
  return names.filter((name) => busyProblems(programs, [name]).length === 0);
}
