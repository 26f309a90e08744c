// A capture: what `check` needs of a running kernel, saved in a directory so
// that an update can be proved elsewhere.
//
//   capture.json   the manifest below
//   kallsyms.gz    /proc/kallsyms, gzipped
//   memory.gz      the regions' bytes one after the other, gzipped
//
// Nothing else is read from the directory: the manifest names no files. Both
// files' SHA-256 sums are in it, and every number in it is checked against
// what the files hold before it is used.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../base/errors.js';
import { asCount, asListOf, asOneOf, asRecord, asText, asTexts, fromJson } from '../base/stored.js';

export const MANIFEST = 'capture.json';
export const KALLSYMS = 'kallsyms.gz';
export const MEMORY = 'memory.gz';
export const CAPTURE_FORMAT = 1;

/** A stretch of memory in memory.gz; they follow each other in the manifest's order. */
export interface CapturedRegion {
  /** "vmlinux .text", "sctp .rodata" */
  readonly what: string;
  /** Hexadecimal, with 0x. */
  readonly address: string;
  /** In bytes. */
  readonly size: number;
}

export interface CaptureManifest {
  readonly format: typeof CAPTURE_FORMAT;
  /** As `uname -r`, `-v` and `-m` say. */
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  /** ISO 8601. */
  readonly timestamp: string;
  /** Loaded modules. */
  readonly modules: readonly string[];
  readonly regions: readonly CapturedRegion[];
  /** Lower-case hexadecimal, of the files as they are. */
  readonly sha256: { readonly [KALLSYMS]: string; readonly [MEMORY]: string };
}

export function isCapture(directory: string): boolean {
  return existsSync(join(directory, MANIFEST));
}

export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

export function badCapture(directory: string, what: string, cause?: unknown): KspliceError {
  return new KspliceError('bad-image', `${directory}: not a usable capture: ${what}`, {
    advice: 'Capture the kernel again with `ksplice-ts capture DIR` on the host that runs it.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Reads a capture's manifest.
 * @throws KspliceError `bad-image`
 */
export function readManifest(directory: string): CaptureManifest {
  let text: string;
  try {
    text = readFileSync(join(directory, MANIFEST), 'utf8');
  } catch (cause) {
    throw badCapture(directory, `${MANIFEST} cannot be read`, cause);
  }
  const manifest = fromJson(text, asManifest);
  if (!manifest) throw badCapture(directory, `${MANIFEST} does not have the right form`);
  return manifest;
}

const asRegion = asRecord<CapturedRegion>({
  what: asText,
  address: (value) => {
    const address = asText(value);
    return address && /^0x[0-9a-f]{1,16}$/.test(address) ? address : undefined;
  },
  // None is empty.
  size: (value) => asCount(value) || undefined,
});

const asManifest = asRecord<CaptureManifest>({
  format: asOneOf([CAPTURE_FORMAT]),
  release: asText,
  version: asText,
  machine: asText,
  timestamp: asText,
  modules: asTexts,
  regions: asListOf(asRegion),
  sha256: asRecord<CaptureManifest['sha256']>({ [KALLSYMS]: asText, [MEMORY]: asText }),
});
