// Updates that are watched: /var/lib/ksplice/watched/ID.json is there from before the switch until the
// watch has ended. It is on the disk: one of another boot says that the machine went down meanwhile.

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
import { isUpdateId } from '../update/contents.js';
import type { Host } from './host.js';
import { asKernelBefore, type KernelBefore } from './kernel-before.js';

export interface Watch {
  readonly id: string;
  /**
   * - apply: somebody asked for it (`apply --watch`); any complaint of the kernel counts
   * - boot: this is the first boot with the update; only complaints with a frame in its new code count,
   *   for a machine that boots may complain about much
   */
  readonly origin: (typeof ORIGINS)[number];
  readonly bootId: string;
  /** ISO 8601. */
  readonly began: string;
  /** Of the kernel that runs, hexadecimal; '' if it has none. */
  readonly buildId: string;
  /** Before the switch. */
  readonly before: KernelBefore;
  /** For how long it is watched after the switch, in seconds. */
  readonly seconds: number;
  /** Commands for sh. */
  readonly probes: readonly string[];
  /** The longest that the machine may have stood still, in nanoseconds; 0 for any time. */
  readonly maxStop: number;
  /** The process that applies it, as `processMark` tells it. */
  readonly applying: string;
  /**
   * Who starts the watcher again if it is killed; `nobody` until one has begun. Only systemd has it end in
   * order when the machine is shut down: only then does a record of another boot mean anything.
   */
  readonly keeper: Keeper;
  /** Seconds since the machine's start at which the watch ends; 0 until the switch was seen. */
  readonly until: number;
}

const ORIGINS = ['apply', 'boot'] as const;
const KEEPERS = ['nobody', 'shell', 'systemd'] as const;
export type Keeper = (typeof KEEPERS)[number];

const asWatch: Decode<Watch> = asRecord<Watch>({
  id: asText,
  origin: asOneOf(ORIGINS),
  bootId: asText,
  began: asText,
  buildId: asText,
  before: asKernelBefore,
  seconds: asCount,
  probes: asTexts,
  maxStop: asCount,
  applying: asText,
  keeper: asOneOf(KEEPERS),
  until: asCount,
});

export function watchedDirectory(host: Host): string {
  return path.join(host.paths.installed, 'watched');
}

/** The record of any boot; undefined if there is none. */
async function watchRecord(host: Host, id: string): Promise<Watch | undefined> {
  return fromJson(await host.read(watchedDirectory(host), `${id}.json`), asWatch);
}

/** undefined if the update is not watched. */
export async function readWatch(host: Host, id: string): Promise<Watch | undefined> {
  const watch = await watchRecord(host, id);
  return watch?.bootId === (await host.bootId()) ? watch : undefined;
}

/** The watches of this boot, sorted by id. */
export async function allWatches(host: Host): Promise<Watch[]> {
  const all = await Promise.all((await watchedIds(host)).map((id) => readWatch(host, id)));
  return all.filter((one) => one !== undefined);
}

/** The ids of all updates of which there is a record, of this boot or not. */
export async function watchedIds(host: Host): Promise<string[]> {
  const ids = await namesOfRecords(host, watchedDirectory(host));
  return ids.filter(isUpdateId).sort();
}

/** What the records of a directory, NAME.json, are called. */
export async function namesOfRecords(host: Host, directory: string): Promise<string[]> {
  return (await host.list(directory)).flatMap((name) => /^([^.]+)\.json$/.exec(name)?.[1] ?? []);
}

/** The watch in which the machine went down, not in order; undefined if there was none. */
export async function fatalWatch(host: Host, id: string): Promise<Watch | undefined> {
  const watch = await watchRecord(host, id);
  if (watch === undefined || watch.bootId === (await host.bootId())) return undefined;
  return watch.keeper === 'systemd' ? watch : undefined;
}

/** Tells a process from a later one of the same number; '' if there is none. */
export async function processMark(host: Host, pid: number): Promise<string> {
  const stat = (await host.read(host.paths.proc, String(pid), 'stat')) ?? '';
  // The name in parentheses may have blanks; the start time is field 22 (proc(5)).
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return started === undefined ? '' : `${pid} ${started}`;
}

/** Whether the process of a mark still runs. */
export async function isAlive(host: Host, mark: string): Promise<boolean> {
  return mark !== '' && (await processMark(host, Number.parseInt(mark, 10))) === mark;
}
