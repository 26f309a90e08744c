// What is written down of a watch: its record (src/host/watched.ts) while it goes on, then its verdict in
// /run/ksplice/verdicts/ID.json. `apply`, `boot` and the watcher have nothing else in common.

import path from 'node:path';
import { lockOpened } from '../base/flock.js';
import { asOneOf, asRecord, asText, fromJson } from '../base/stored.js';
import { exists, type Host } from '../host/host.js';
import { privateDirectory } from '../host/private-directory.js';
import {
  fatalWatch,
  readWatch,
  type Watch,
  watchedDirectory,
  watchedIds,
} from '../host/watched.js';
import { removeDurably, replaceDurably } from './durable.js';

export interface Verdict {
  /**
   * - good: nothing was wrong
   * - withdrawn: something was, and it was taken back
   * - gone: it was never applied, or somebody else took it back
   * - ended: the machine is shut down, or somebody stopped the watcher
   */
  readonly outcome: (typeof OUTCOMES)[number];
  /** A sentence without its full stop. */
  readonly message: string;
}

const OUTCOMES = ['good', 'withdrawn', 'gone', 'ended'] as const;
const asVerdict = asRecord<Verdict>({ outcome: asOneOf(OUTCOMES), message: asText });

/** Writes the record of a new watch; the verdict of an earlier one is forgotten first. */
export async function beginWatch(host: Host, watch: Watch): Promise<void> {
  await privateDirectory(host.paths.run);
  await removeDurably(path.join(await verdictDirectory(host), `${watch.id}.json`));
  await writeWatch(host, watch);
}

export async function writeWatch(host: Host, watch: Watch): Promise<void> {
  await privateDirectory(host.paths.installed);
  const directory = await privateDirectory(watchedDirectory(host));
  await replaceDurably(path.join(directory, `${watch.id}.json`), `${JSON.stringify(watch)}\n`);
}

/** Ends a watch. Without a verdict, nobody waits for it. */
export async function endWatch(host: Host, id: string, verdict?: Verdict): Promise<void> {
  if (verdict) {
    await privateDirectory(host.paths.run);
    const file = path.join(await verdictDirectory(host), `${id}.json`);
    await replaceDurably(file, `${JSON.stringify(verdict)}\n`);
  }
  if (!(await exists(watchedDirectory(host)))) return;
  await removeDurably(path.join(watchedDirectory(host), `${id}.json`));
}

/**
 * Forgets the watches of earlier boots.
 * @param all also those in which the machine went down
 */
export async function forgetOldWatches(host: Host, all: boolean): Promise<void> {
  for (const id of await watchedIds(host)) {
    if ((await readWatch(host, id)) !== undefined) continue;
    if (all || (await fatalWatch(host, id)) === undefined) await endWatch(host, id);
  }
}

/** undefined until the watch is over. */
export async function readVerdict(host: Host, id: string): Promise<Verdict | undefined> {
  return fromJson(await host.read(host.paths.run, 'verdicts', `${id}.json`), asVerdict);
}

/**
 * Makes this process the watcher, until what it returns is called.
 * @returns undefined if there is one
 */
export async function becomeWatcher(host: Host): Promise<(() => void) | undefined> {
  return lockOpened(path.join(await privateDirectory(host.paths.run), 'watcher'), 'a+', 0);
}

/** Whether a watcher is at work. */
export async function hasWatcher(host: Host): Promise<boolean> {
  const file = path.join(host.paths.run, 'watcher');
  if (!(await exists(file))) return false;
  const release = await lockOpened(file, 'r', 0);
  release?.();
  return release === undefined;
}

async function verdictDirectory(host: Host): Promise<string> {
  return privateDirectory(path.join(host.paths.run, 'verdicts'));
}
