// What is wrong since the first of the applied updates came: in the kernel log, in the taint flags,
// and between what the engine says and what is remembered.

import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { engineOf } from '../apply/engines.js';
import { readState, rememberedIds } from '../apply/state.js';
import { lockOpened } from '../base/flock.js';
import { count } from '../base/words.js';
import { exists, type Host } from '../host/host.js';
import { complaintsSince } from '../host/kernel-before.js';
import { allWatches } from '../host/watched.js';
import { hasWatcher } from '../install/watch-files.js';
import type { UpdateStatus } from './updates.js';

/**
 * - log: the kernel has complained in its log
 * - taint: a flag of a complaint is set that was not
 * - unfinished: an apply, an undo or a watch was interrupted, or an undo cannot end
 * - disagreement: the kernel and what is remembered do not say the same
 */
export interface HealthProblem {
  readonly code: 'log' | 'taint' | 'unfinished' | 'disagreement';
  readonly message: string;
  /** The updates that it is about; none if that is not known. */
  readonly updates: readonly string[];
}

/** In which systemd, or a shell, has started a watcher again. */
const RESTART_MS = 5000;
/** Of a log full of complaints, so many are told. */
const MOST_COMPLAINTS = 5;

export async function healthProblems(
  updates: readonly UpdateStatus[],
  host: Host,
): Promise<HealthProblem[]> {
  const unsettled = [
    ...unfinished(await withKeeps(updates, host)),
    ...(await disagreements(updates, host)),
  ];
  // A run that is at work is not finished, and what it does may be seen before it is remembered.
  const isAtWork = unsettled.length > 0 && (await isLocked(host));
  return [
    ...(await complaints(updates, host)),
    ...(isAtWork ? [] : unsettled),
    ...(await unwatched(host)),
  ];
}

async function complaints(updates: readonly UpdateStatus[], host: Host): Promise<HealthProblem[]> {
  const states = await Promise.all(updates.map(({ id }) => readState(host, id)));
  const befores = states.flatMap((state) => state?.before ?? []);
  if (befores.length === 0) return [];
  const from = Math.min(...befores.map(({ logSequence }) => logSequence));
  const first = befores.find(({ logSequence }) => logSequence === from)!;
  const { reports, flags } = await complaintsSince(first, host);
  const told = reports.slice(0, MOST_COMPLAINTS).map(({ text, frames }) => {
    const ids = frames.map(({ id }) => id);
    const where = ids.length > 0 ? `, in new code of ${ids.join(', ')}` : '';
    return { code: 'log' as const, message: `the kernel log${where}: ${text}`, updates: ids };
  });
  const rest = reports.length - told.length;
  const more = count(rest, 'more complaint');
  const others = { code: 'log' as const, message: `the kernel log: ${more}`, updates: [] };
  const tainted = flags.map(({ letter, meaning }) => ({
    code: 'taint' as const,
    message: `${meaning} (taint ${letter}), since the first update was applied`,
    updates: [],
  }));
  return [...told, ...(rest > 0 ? [others] : []), ...tainted];
}

interface Settled extends UpdateStatus {
  /** Its new code stays by rule until the next boot. */
  readonly keeps: boolean;
}

async function withKeeps(updates: readonly UpdateStatus[], host: Host): Promise<Settled[]> {
  const engine = engineOf(host);
  return Promise.all(updates.map(async (one) => ({ ...one, keeps: await engine.keeps(one.id) })));
}

function unfinished(updates: readonly Settled[]): HealthProblem[] {
  return updates.flatMap(({ id, stage, keeps }) => {
    const told = (what: string): HealthProblem[] => [
      { code: 'unfinished', message: `${what}: \`ksplice-ts undo ${id}\``, updates: [id] },
    ];
    switch (stage) {
      case 'preparing':
        return told(`an apply of ${id} was interrupted; what it left can be unloaded`);
      case 'reversed':
        return told(`the modules of ${id}, which is undone, are still loaded`);
      case 'leaving':
        return keeps ? [] : told(`the undo of ${id} has not ended, as a task is in its new code`);
      default:
        return [];
    }
  });
}

async function disagreements(
  updates: readonly UpdateStatus[],
  host: Host,
): Promise<HealthProblem[]> {
  const problem = (id: string, message: string): HealthProblem => ({
    code: 'disagreement',
    message,
    updates: [id],
  });
  const inKernel = updates.filter(({ stage }) => stage !== null);
  const remembered = await rememberedIds(host);
  const lost = remembered
    .filter((id) => !inKernel.some((one) => one.id === id))
    .map((id) => problem(id, `${id} is remembered as applied, and the kernel does not have it`));
  const unknown = inKernel
    .filter(({ id, isInForce }) => isInForce && !remembered.includes(id))
    .map(({ id }) =>
      problem(id, `${id} is applied, and nothing is remembered of it in ${host.paths.run}`),
    );
  const missed: HealthProblem[] = [];
  for (const { id, waiting } of inKernel) {
    for (const target of waiting) {
      if ((await host.moduleState(target)) !== 'live') continue;
      missed.push(problem(id, `${id} awaits module ${target}, which is loaded without its part`));
    }
  }
  return [...lost, ...unknown, ...missed];
}

/** A watcher that was killed is there again soon, or nobody starts it any more. */
async function unwatched(host: Host): Promise<HealthProblem[]> {
  const watches = await allWatches(host);
  if (watches.length === 0 || (await hasWatcher(host))) return [];
  await pause(RESTART_MS);
  if (await hasWatcher(host)) return [];
  return (await allWatches(host)).map(({ id }) => ({
    code: 'unfinished',
    message: `${id} is to be watched, and nobody does: \`ksplice-ts apply --watch\` goes on with it`,
    updates: [id],
  }));
}

/** Whether an apply or undo is at work. */
async function isLocked(host: Host): Promise<boolean> {
  const lock = path.join(host.paths.run, 'lock');
  if (!(await exists(lock))) return false;
  const release = await lockOpened(lock, 'r', 0);
  release?.();
  return release === undefined;
}
