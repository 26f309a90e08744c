// What applied updates have written into the running kernel, so that its memory can be
// read as it would be without them, as the core does: an update then matches an object
// that another one has changed.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../base/errors.js';

/** The core's directory. */
const SYSFS = '/sys/kernel/ksplice';

/** A stretch of memory that an update has written over. */
export interface Written {
  readonly address: bigint;
  /** What was there before. */
  readonly saved: Uint8Array;
}

/**
 * What is written over now, the newest first; nothing if the core is not loaded.
 * @throws KspliceError `unreadable-kernel` if the core does not show this process where that is
 */
export function readWritten(sysfs = SYSFS): Written[] {
  const updates = namesIn(sysfs).flatMap((id) => {
    const order = Number(readFile(join(sysfs, id, 'order')) ?? 0);
    return order > 0 ? [{ order, text: readFile(join(sysfs, id, 'saved')) ?? '' }] : [];
  });
  updates.sort((a, b) => b.order - a.order);
  return updates.flatMap(({ text }) =>
    [...text.matchAll(/^(0x[0-9a-f]+) ([0-9a-f]+)$/gm)].map(([, address = '0', bytes = '']) => {
      // That is how a hidden address reads. Without it the update's jumps would be compared.
      if (BigInt(address) === 0n) throw hidden('its addresses');
      return { address: BigInt(address), saved: Buffer.from(bytes, 'hex') };
    }),
  );
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') throw hidden(path);
    // An update that is just being unloaded, or a file that is no update's.
    return undefined;
  }
}

function hidden(what: string): KspliceError {
  return new KspliceError(
    'unreadable-kernel',
    `the core does not show this process the bytes that applied updates have written (${what})`,
    {
      advice:
        'Without these bytes their jumps look like other code: run it as root on the host, with CAP_SYSLOG and kernel.kptr_restrict at most 1.',
    },
  );
}

/**
 * Replaces, in bytes that were read, the writes of updates by the saved bytes.
 * @param bytes read at `address`; they are changed
 * @param written the newest first: what was written last is taken back first
 */
export function takeBack(bytes: Uint8Array, address: bigint, written: readonly Written[]): void {
  for (const { address: site, saved } of written) {
    const at = Number(site - address);
    const from = Math.max(0, -at);
    const to = Math.min(saved.length, bytes.length - at);
    if (from < to) bytes.set(saved.subarray(from, to), at + from);
  }
}
