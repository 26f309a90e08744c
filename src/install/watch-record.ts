// What a watch is about, and what came of it: /run/ksplice/watch/ID/. The watcher, the `apply` that
// waits for it, and a watcher that takes up where a killed one ended have nothing else in common.

import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  asCount,
  asOneOf,
  asRecord,
  asText,
  asTexts,
  type Decode,
  fromJson,
} from '../base/stored.js';
import type { Host } from '../host/host.js';
import { privateDirectory } from '../host/private-directory.js';
import { replaceDurably } from './durable.js';

/** watch.json */
export interface Watch {
  readonly id: string;
  /** The number of the last record of the kernel log before the update, plus one. */
  readonly from: number;
  /** For how long it is watched after the switch, in seconds. */
  readonly seconds: number;
  /** Commands for sh. */
  readonly probes: readonly string[];
  /** The longest that the machine may have stood still, in nanoseconds; 0 for any time. */
  readonly maxStop: number;
  /** The process of `apply`. */
  readonly applying: number;
  /** Seconds since the machine's start at which the watch ends; 0 until the switch was seen. */
  readonly until: number;
}

/** verdict.json */
export interface Verdict {
  readonly outcome: (typeof OUTCOMES)[number];
  /** Of `withdrawn`: what was wrong, and what is left. Otherwise a sentence without its full stop. */
  readonly message: string;
}

/** `gone`: it was never applied, or somebody else took it back. */
const OUTCOMES = ['good', 'withdrawn', 'gone'] as const;

const asWatch: Decode<Watch> = asRecord<Watch>({
  id: asText,
  from: asCount,
  seconds: asCount,
  probes: asTexts,
  maxStop: asCount,
  applying: asCount,
  until: asCount,
});
const asVerdict = asRecord<Verdict>({ outcome: asOneOf(OUTCOMES), message: asText });

/** Writes the record of a watch; a verdict of an earlier one is forgotten first. */
export async function beginWatch(host: Host, watch: Watch): Promise<void> {
  await endWatch(host, watch.id);
  await privateDirectory(host.paths.run);
  await privateDirectory(path.join(host.paths.run, 'watch'));
  await mkdir(place(host, watch.id), { mode: 0o700 });
  await writeWatch(host, watch);
}

export async function writeWatch(host: Host, watch: Watch): Promise<void> {
  await replaceDurably(
    path.join(place(host, watch.id), 'watch.json'),
    `${JSON.stringify(watch)}\n`,
  );
}

/** undefined if the update is not watched. */
export async function readWatch(host: Host, id: string): Promise<Watch | undefined> {
  return fromJson(await host.read(place(host, id), 'watch.json'), asWatch);
}

export async function writeVerdict(host: Host, id: string, verdict: Verdict): Promise<void> {
  await replaceDurably(path.join(place(host, id), 'verdict.json'), `${JSON.stringify(verdict)}\n`);
}

/** undefined until the watch is over. */
export async function readVerdict(host: Host, id: string): Promise<Verdict | undefined> {
  return fromJson(await host.read(place(host, id), 'verdict.json'), asVerdict);
}

/** Forgets a watch; its watcher ends when it sees that. */
export async function endWatch(host: Host, id: string): Promise<void> {
  await rm(place(host, id), { recursive: true, force: true });
}

function place(host: Host, id: string): string {
  return path.join(host.paths.run, 'watch', id);
}
