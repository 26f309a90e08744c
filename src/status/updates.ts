// The updates that are in the kernel, and those that are installed for it, as one list.

import path from 'node:path';
import type { Stage } from '../apply/engine.js';
import { readState } from '../apply/state.js';
import type { UpdateSummary } from '../apply/view.js';
import type { Host } from '../host/host.js';
import type { Withdrawn } from '../host/withdrawn.js';
import type { ListedUpdate } from '../install/install.js';
import { FIXES, type Fixes, parseFixes } from '../update/fixes.js';

export interface UpdateStatus {
  readonly id: string;
  /** In the kernel; "waiting" if it awaits all of its modules, null if it is not in the kernel at all. */
  readonly stage: Stage | 'waiting' | null;
  /**
   * Whether none of the old code can run: it is applied to all targets that are loaded, and the others
   * get their part when they are.
   */
  readonly isInForce: boolean;
  /** The modules that get their part when they are loaded. */
  readonly waiting: readonly string[];
  /** Whether it is applied at each boot of this kernel. */
  readonly installed: boolean;
  /** Why nobody applies it any more until somebody says so; null if it is not withdrawn. */
  readonly withdrawn: string | null;
  /** Why it was not applied at this boot; null if nothing is known of that. */
  readonly refused: string | null;
  readonly description: string | null;
  /** ISO 8601. */
  readonly applied: string | null;
  /** null if nothing is known of them. */
  readonly fixes: Fixes | null;
  /** SHA-256 of its SHA256SUMS, hexadecimal; null if that is not known. */
  readonly digest: string | null;
}

/**
 * @param installed updates for any kernel; those for others are left out
 * @param withdrawn all of them that hurt this kernel, or nobody knows which
 */
export async function joinUpdates(
  inKernel: readonly UpdateSummary[],
  installed: readonly ListedUpdate[],
  withdrawn: readonly Withdrawn[],
  host: Host,
): Promise<UpdateStatus[]> {
  const here = new Map(installed.filter((one) => one.thisKernel).map((one) => [one.id, one]));
  const known = await Promise.all(inKernel.map((one) => ofKernel(one, here.get(one.id), host)));
  const others = [...here.values()].filter(({ id }) => !inKernel.some((one) => one.id === id));
  const all = [...known, ...(await Promise.all(others.map((one) => notInKernel(one, host))))];
  const gone = withdrawn.filter(({ id }) => !all.some((one) => one.id === id));
  const reasons = new Map(withdrawn.map((one) => [one.id, withdrawnWords(one)]));
  return [
    ...all.map((one) => ({ ...one, withdrawn: reasons.get(one.id) ?? one.withdrawn })),
    ...gone.map(nowhere),
  ];
}

async function ofKernel(
  { id, stage, waiting, description, applied, fixes }: UpdateSummary,
  installed: ListedUpdate | undefined,
  host: Host,
): Promise<UpdateStatus> {
  const isInForce = stage === 'applied' || stage === 'waiting';
  const state = await readState(host, id);
  return {
    id,
    stage,
    isInForce,
    waiting,
    installed: installed !== undefined,
    ...(isInForce || !installed ? { withdrawn: null, refused: null } : whyNot(installed)),
    description: description ?? installed?.description ?? null,
    applied,
    fixes: fixes ?? (installed ? await installedFixes(id, host) : null),
    digest: state?.digest || null,
  };
}

async function notInKernel(installed: ListedUpdate, host: Host): Promise<UpdateStatus> {
  const { id, description } = installed;
  return {
    id,
    stage: null,
    isInForce: false,
    waiting: [],
    installed: true,
    ...whyNot(installed),
    description,
    applied: null,
    fixes: await installedFixes(id, host),
    digest: null,
  };
}

/** One that is withdrawn, and neither in the kernel nor installed. */
function nowhere(withdrawn: Withdrawn): UpdateStatus {
  return {
    id: withdrawn.id,
    stage: null,
    isInForce: false,
    waiting: [],
    installed: false,
    withdrawn: withdrawnWords(withdrawn),
    refused: null,
    description: null,
    applied: null,
    fixes: null,
    digest: null,
  };
}

function withdrawnWords({ reason, when }: Withdrawn): string {
  return `withdrawn (${when}): ${reason}`;
}

function whyNot({ crashed, boot }: ListedUpdate) {
  const withdrawn = crashed && `the machine went down while it was applied (${crashed.began})`;
  const refused = boot?.outcome === 'failed' ? boot.message : null;
  return { withdrawn, refused };
}

async function installedFixes(id: string, host: Host): Promise<Fixes> {
  const place = path.join(host.paths.installed, 'updates', id, `ksplice-${id}`);
  return parseFixes((await host.read(place, FIXES)) ?? '').fixes;
}
