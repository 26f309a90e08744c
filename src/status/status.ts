// The state of a host in one value: the kernel that runs, its updates, what they fix, whether all
// is well, and whether a reboot is advised. Nothing is changed.

import { listUpdates } from '../apply/view.js';
import type { Ui } from '../base/ui.js';
import { exists, type Host } from '../host/host.js';
import { type TaintFlag, taintFlags } from '../host/taint.js';
import { allWithdrawn } from '../host/withdrawn.js';
import { type ListedUpdate, listInstalled, requireRoot } from '../install/install.js';
import { type Fixes, joinFixes, NO_FIXES } from '../update/fixes.js';
import { effectiveVersion } from './effective-version.js';
import { type HealthProblem, healthProblems } from './health.js';
import { type Reason, rebootReasons } from './reboot.js';
import { joinUpdates, type UpdateStatus } from './updates.js';

export interface Status {
  readonly kernel: {
    readonly release: string;
    /** As `uname -v` says. */
    readonly version: string;
    readonly machine: string;
    /** null if the kernel has none. */
    readonly buildId: string | null;
  };
  /** Equal on two hosts if they run the same build of a kernel with the same updates. */
  readonly effectiveVersion: string;
  /** In the order in which they were applied; those that are not come last. */
  readonly updates: readonly UpdateStatus[];
  /** What the applied updates fix. */
  readonly fixes: Fixes;
  readonly reboot: { readonly advised: boolean; readonly reasons: readonly Reason[] };
  readonly taint: { readonly value: number | null; readonly flags: readonly TaintFlag[] };
  readonly health: { readonly good: boolean; readonly problems: readonly HealthProblem[] };
  readonly verdict: Verdict;
}

/** In the order of their urgency: what is first is what the exit status tells. */
export const VERDICTS = ['unhealthy', 'withdrawn', 'not-applied', 'good'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The exit status of `ksplice-ts status`. */
export const EXIT_STATUS: Readonly<Record<Verdict, number>> = {
  good: 0,
  'not-applied': 10,
  withdrawn: 11,
  unhealthy: 12,
};

/**
 * Looks at the host.
 * @throws KspliceError `not-root`: a part of it is root's alone
 */
export async function readStatus(host: Host, ui: Ui): Promise<Status> {
  requireRoot(host, 'see what is installed and remembered');
  const [buildId = null, tainted] = [await host.buildId(), await host.tainted()];
  const withdrawn = (await allWithdrawn(host)).filter(
    (one) => one.buildId === '' || one.buildId === buildId,
  );
  const installed = await installedHere(host, ui);
  const updates = await joinUpdates(await listUpdates(host), installed, withdrawn, host);
  const inKernel = updates.filter(({ isInForce }) => isInForce);
  const problems = await healthProblems(updates, host);
  const reasons = await rebootReasons(updates, tainted ?? 0, host);
  return {
    kernel: {
      release: host.release,
      version: (await host.read(host.paths.proc, 'sys/kernel/version')) ?? '',
      machine: host.machine,
      buildId,
    },
    effectiveVersion: effectiveVersion(host.release, buildId, inKernel),
    updates,
    fixes: joinFixes(inKernel.map(({ fixes }) => fixes ?? NO_FIXES)),
    reboot: { advised: reasons.length > 0, reasons },
    taint: { value: tainted ?? null, flags: taintFlags(tainted ?? 0) },
    health: { good: problems.length === 0, problems },
    verdict: verdictOn(updates, problems),
  };
}

/** Looking makes no directory where nothing was ever installed. */
async function installedHere(host: Host, ui: Ui): Promise<ListedUpdate[]> {
  return (await exists(host.paths.installed)) ? listInstalled(host, ui) : [];
}

function verdictOn(updates: readonly UpdateStatus[], problems: readonly HealthProblem[]): Verdict {
  const isLeftOut = ({ installed, isInForce }: UpdateStatus) => installed && !isInForce;
  if (problems.length > 0) return 'unhealthy';
  if (updates.some(({ withdrawn }) => withdrawn !== null)) return 'withdrawn';
  return updates.some(isLeftOut) ? 'not-applied' : 'good';
}

/** By CVE, the applied updates that fix it. */
export function fixedCves({ updates }: Status): Map<string, UpdateStatus[]> {
  const found = new Map<string, UpdateStatus[]>();
  for (const update of updates.filter(({ isInForce }) => isInForce)) {
    for (const cve of update.fixes?.cves ?? []) {
      found.set(cve, [...(found.get(cve) ?? []), update]);
    }
  }
  return found;
}
