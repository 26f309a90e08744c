// The files of a set, in a directory that gets its name when all of them are there.

import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeDirectories, tryDirectory } from '../../base/directories.js';
import { KspliceError } from '../../base/errors.js';
import { CHECKSUMS, formatChecksums } from '../../update/checksums.js';
import { joinFixes } from '../../update/fixes.js';
import { formatIndex, INDEX, type SetIndex, type SetOther } from '../../update/set.js';
import { rememberLast } from '../invocation/last-update.js';
import { madeAt } from '../invocation/made-at.js';
import type { CreatedUpdate } from '../pipeline.js';

/** What became of one kernel. */
export interface KernelResult {
  readonly confdir: string;
  /** null if the configuration directory cannot be read. */
  readonly release: string | null;
  readonly buildId: string | null;
  readonly outcome: 'made' | SetOther['outcome'];
  readonly update: CreatedUpdate | null;
  /** Why there is none. */
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly advice: string;
    readonly details: unknown;
  } | null;
}

/**
 * Makes a directory beside the one that the set will be.
 * @throws KspliceError `usage` if that is there, `io`
 */
export function placeFor(directory: string): string {
  const output = dirname(directory);
  const advice = 'Give another --id or --output.';
  if (existsSync(directory)) {
    throw new KspliceError('usage', `${directory} is there already`, { advice });
  }
  try {
    tryDirectory(output);
    makeDirectories(output);
    return mkdtempSync(join(output, `.${basename(directory)}-`));
  } catch (error) {
    throw new KspliceError('io', `cannot write ${directory}: ${(error as Error).message}`, {
      advice,
      cause: error,
    });
  }
}

/** Writes what the set needs beside its updates. */
export function writeIndex(directory: string, id: string, kernels: readonly KernelResult[]): void {
  const files = new Map<string, Buffer>();
  const updates = kernels.flatMap(({ release, buildId, update }) => {
    if (!update || release === null || buildId === null) return [];
    const file = join(basename(dirname(update.file)), basename(update.file));
    const data = readFileSync(join(directory, file));
    files.set(file, data);
    const sha256 = createHash('sha256').update(data).digest('hex');
    return [{ release, buildId, id: update.id, file, sha256, fixes: update.fixes }];
  });
  const others = kernels.flatMap(({ release, buildId, outcome, error }): SetOther[] =>
    outcome === 'made' || !error || release === null || buildId === null
      ? []
      : [{ release, buildId, outcome, code: error.code, message: error.message }],
  );
  const index: SetIndex = {
    format: 1,
    id,
    created: madeAt(),
    description: kernels.find(({ update }) => update)?.update?.description ?? '',
    fixes: joinFixes(updates.map(({ fixes }) => fixes)),
    updates,
    others,
  };
  files.set(INDEX, Buffer.from(formatIndex(index)));
  writeFileSync(join(directory, INDEX), files.get(INDEX)!);
  writeFileSync(join(directory, CHECKSUMS), formatChecksums(files));
  // Those of kernels that got none are empty.
  for (const name of readdirSync(directory, { withFileTypes: true })) {
    const place = join(directory, name.name);
    if (name.isDirectory() && readdirSync(place).length === 0) rmSync(place, { recursive: true });
  }
}

/** The update, where the set is now. */
export function delivered(kernel: KernelResult, directory: string): KernelResult {
  const { update, confdir } = kernel;
  if (!update) return kernel;
  const file = join(directory, basename(dirname(update.file)), basename(update.file));
  rememberLast(confdir, file);
  return { ...kernel, update: { ...update, file } };
}
