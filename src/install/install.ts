// What is installed: it is applied at each boot of the very kernel that it is for.

import path from 'node:path';
import type { Stage } from '../apply/engine.js';
import { engineOf } from '../apply/engines.js';
import { KspliceError, problemsError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { withInstalledLock } from '../host/host-lock.js';
import { allWatches } from '../host/watched.js';
import { type Withdrawn, withdrawn, withdrawnProblems } from '../host/withdrawn.js';
import { CHECKSUMS } from '../update/checksums.js';
import type { Update } from '../update/update.js';
import type { Attempt, Installed } from './records.js';
import { type BootResult, readBootResults } from './results.js';
import { Store } from './store.js';
import { disableUnit, enableUnit } from './unit.js';

export interface Installation extends Installed {
  /** False if all was as it is before. */
  readonly changed: boolean;
  /** False if this host has no systemd: nothing calls `ksplice-ts boot` then. */
  readonly atBoot: boolean;
}

/** A line of the list. */
export interface ListedUpdate extends Installed {
  readonly stage: Stage | null;
  /** The modules that get their part when they are loaded. */
  readonly waiting: readonly string[];
  /** Whether it is for the kernel that runs. */
  readonly thisKernel: boolean;
  /** The boot in which the machine went down while it was applied. */
  readonly crashed: Attempt | null;
  /** Whether this boot is the first with it, and may still go wrong. */
  readonly onTrial: boolean;
  /** Why it is not applied any more; null if it is not withdrawn. */
  readonly withdrawn: Withdrawn | null;
  /** What became of it at this boot; null if that did not come to it. */
  readonly boot: BootResult | null;
}

/**
 * Installs a verified update, or one that crashed a boot once more.
 * @throws KspliceError `not-root`, `withdrawn`, `wrong-kernel`, `already-installed`, `busy`, `io`
 */
export async function installUpdate(update: Update, host: Host): Promise<Installation> {
  requireRoot(host, 'install updates');
  const { id } = update;
  const { release } = update.kernel;
  const buildId = await buildIdFor(update, host);
  return withInstalledLock(host, async () => {
    const store = await Store.open(host);
    await store.settleAttempt(host, await host.bootId());
    const problems = await withdrawnProblems(host, id);
    if (problems.length > 0) throw problemsError('withdrawn', `${id} is not installed`, problems);
    if (!(await store.has(host, id))) {
      const order = Math.max(0, ...(await store.all(host)).updates.map((other) => other.order)) + 1;
      const installed = new Date().toISOString();
      const targets = update.contents.changes.map(({ target }) => target);
      const { description } = update;
      const record = { id, order, installed, release, buildId, description, targets };
      await store.add(record, update);
      return { ...record, changed: true, atBoot: await enableUnit(host) };
    }
    const record = await store.get(host, id);
    const sums = await host.readBytes(path.join(store.updateDirectory(id), CHECKSUMS));
    if (!sums?.equals(update.files.get(CHECKSUMS) as Buffer)) {
      throw new KspliceError('already-installed', `another update is installed as ${id}`, {
        advice: `\`ksplice-ts uninstall ${id}\` removes it; then install this one.`,
      });
    }
    const changed = (await store.crash(host, id)) !== undefined;
    if (changed) await store.forgetCrash(id);
    return { ...record, changed, atBoot: await enableUnit(host) };
  });
}

/**
 * Removes an update from those that are applied at boot. If it is applied now, it stays so.
 * @throws KspliceError `not-root`, `not-installed`, `busy`, `io`
 */
export async function uninstallUpdate(id: string, host: Host): Promise<{ stage: Stage | null }> {
  requireRoot(host, 'uninstall updates');
  return withInstalledLock(host, async () => {
    const store = await Store.open(host);
    if (!(await store.has(host, id))) {
      throw new KspliceError('not-installed', `update ${id} is not installed`, {
        advice: '`ksplice-ts list` lists the installed updates.',
      });
    }
    await store.remove(id);
    if (await store.isEmpty(host)) await disableUnit(host);
    return { stage: (await engineOf(host).stage(id)) ?? null };
  });
}

/**
 * What is installed, in the order in which it is applied.
 * @throws KspliceError `not-root`, `io`
 */
export async function listInstalled(host: Host, ui: Ui): Promise<ListedUpdate[]> {
  requireRoot(host, 'see what is installed');
  const engine = engineOf(host);
  const store = await Store.open(host);
  const results = await readBootResults(host);
  const here = await host.buildId();
  const trials = (await allWatches(host)).filter(({ origin }) => origin === 'boot');
  const { updates, faults } = await store.all(host);
  for (const { message, advice } of faults) ui.warn(`${message}. ${advice}`);
  return Promise.all(
    updates.map(async (record) => ({
      ...record,
      stage: (await engine.stage(record.id)) ?? null,
      waiting: await engine.waiting(record.id),
      thisKernel: record.release === host.release && record.buildId === here,
      crashed: (await store.crash(host, record.id)) ?? null,
      onTrial: trials.some(({ id }) => id === record.id),
      withdrawn: (await withdrawn(host, record.id)) ?? null,
      boot: results.find(({ id }) => id === record.id) ?? null,
    })),
  );
}

/** @throws KspliceError `not-root` */
export function requireRoot(host: Host, what: string): void {
  if (host.uid === 0) return;
  throw new KspliceError('not-root', `only root can ${what}`, {
    advice: 'Run it with sudo, or from a root shell.',
  });
}

async function buildIdFor({ id, kernel, buildId }: Update, host: Host): Promise<string> {
  if (buildId !== undefined) return buildId;
  const here = kernel.release === host.release ? await host.buildId() : undefined;
  if (here !== undefined) return here;
  throw new KspliceError(
    'wrong-kernel',
    `${id} does not say for which build of ${kernel.release}`,
    {
      advice: 'It was made without an image. Install it while its kernel is running.',
    },
  );
}
