// What became of each installed update at this boot, in /run/ksplice/boot.json:
// for `list`, which may be asked long after the journal was read.

import path from 'node:path';
import { asListOf, asOneOf, asRecord, asText, fromJson } from '../base/stored.js';
import type { Host } from '../host/host.js';
import { privateDirectory } from '../host/private-directory.js';
import { replaceDurably } from './durable.js';

/**
 * - applied: it is in the kernel
 * - other-kernel: it is for another one, and was left alone
 * - waiting: applied but for modules that were not loaded, which get their part when they are
 * - crashed: it brought down an earlier boot, and was not tried
 * - withdrawn: it hurt, and was taken back
 * - failed: it was refused
 */
export type BootOutcome = (typeof OUTCOMES)[number];

const OUTCOMES = ['applied', 'other-kernel', 'waiting', 'crashed', 'withdrawn', 'failed'] as const;

export interface BootResult {
  readonly id: string;
  readonly outcome: BootOutcome;
  /** A sentence; empty if it was applied. */
  readonly message: string;
}

export async function writeBootResults(host: Host, results: readonly BootResult[]): Promise<void> {
  const directory = await privateDirectory(host.paths.run);
  await replaceDurably(path.join(directory, 'boot.json'), `${JSON.stringify(results)}\n`);
}

/** None before the first `ksplice-ts boot`, or after a change by hand. */
export async function readBootResults(host: Host): Promise<readonly BootResult[]> {
  return fromJson(await host.read(host.paths.run, 'boot.json'), asResults) ?? [];
}

const asResults = asListOf(
  asRecord<BootResult>({ id: asText, outcome: asOneOf(OUTCOMES), message: asText }),
);
