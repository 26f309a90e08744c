// Whether an update is what its source makes: it is made again, and compared file by file. What the
// patch and the configuration do not tell is taken from the update: id, time, description, fixes,
// and the names that its author vouches for.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, type Problem, problemsError } from '../../base/errors.js';
import { asRecord, asText } from '../../base/stored.js';
import type { Ui } from '../../base/ui.js';
import { version } from '../../base/version.js';
import { withoutSignature } from '../../module/modinfo.js';
import { CHECKSUMS, SIGNATURE } from '../../update/checksums.js';
import { moduleFilesOf } from '../../update/contents.js';
import { readUpdate } from '../../update/read.js';
import type { Update } from '../../update/update.js';
import { createUpdate } from '../pipeline.js';
import type { CreateOptions } from '../request.js';

/** What an update says itself is not asked for. */
export type VerifyOptions = Omit<
  CreateOptions,
  | 'id'
  | 'description'
  | 'fixes'
  | 'output'
  | 'series'
  | 'buildModules'
  | 'allowBusy'
  | 'allowLayout'
  | 'supersedes'
  | 'signing'
  | 'signWith'
  | 'timestamp'
  | 'forgotten'
>;

export interface Verified {
  readonly id: string;
  /** How many files were compared. */
  readonly files: number;
  /** Modules that have a signature, which only who has the key can make: the rest was compared. */
  readonly signed: readonly string[];
}

/**
 * Makes an update again and compares.
 * @param file the update's archive or directory
 * @throws KspliceError `not-reproduced` with each file that differs; as createUpdate() and readUpdate()
 */
export async function verifyMade(file: string, options: VerifyOptions, ui: Ui): Promise<Verified> {
  const given = await readUpdate(file);
  const output = await mkdtemp(join(tmpdir(), 'ksplice-verify-'));
  try {
    const made = await createUpdate({ ...options, ...saidBy(given), output, forgotten: true }, ui);
    const again = await readUpdate(made.file);
    ui.stage('comparing');
    const problems = differences(given, again);
    if (problems.length === 0) {
      const modules = [...given.modules.values()].filter(({ info }) => info.signed);
      const signed = modules.map(({ file: name }) => name);
      return { id: given.id, files: comparedFiles(given).length, signed };
    }
    const message = `${given.id} is not what this patch makes with this configuration${olderTool(given)}`;
    throw problemsError('not-reproduced', message, problems);
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

/** What the update says of itself. */
function saidBy(update: Update) {
  return {
    id: update.id,
    timestamp: update.timestamp,
    description: update.description,
    fixes: { fixes: update.fixes, only: true },
    allowBusy: update.allowBusy,
    allowLayout: update.allowLayout,
    supersedes: update.supersedes,
    buildModules: [...update.files.keys()].some((name) => name.startsWith('modules/')),
  };
}

/** SHA256SUMS follows from the others, and the signature from a key. */
const comparedFiles = (update: Update) =>
  [...update.files.keys()].filter((name) => name !== CHECKSUMS && name !== SIGNATURE);

/** Each file that is not the same in both. */
export function differences(given: Update, again: Update): Problem<ErrorCode>[] {
  const names = [...new Set([...comparedFiles(given), ...comparedFiles(again)])].sort();
  const kernelModules = new Set(moduleFilesOf(given.contents).map(({ file }) => file));
  const bytes = (update: Update, name: string) => {
    const data = update.files.get(name);
    const isModule = kernelModules.has(name) || name.startsWith('modules/');
    return data && isModule ? withoutSignature(data) : data;
  };
  return names.flatMap((name) => {
    const [one, other] = [bytes(given, name), bytes(again, name)];
    if (one && other?.equals(one)) return [];
    const how = !one ? 'is missing in it' : !other ? 'is only in it' : 'is another';
    return [{ code: 'not-reproduced' as const, message: `${name} ${how}`, advice: ADVICE }];
  });
}

const ADVICE =
  'Give the same patch, source, configuration and options with which it was made (--on, --only-targets), or do not trust it.';

const asMade = asRecord<{ tool: string }>({ tool: asText });

/** Another version may make other bytes of the same. */
function olderTool({ report }: Update): string {
  const tool = asMade(report)?.tool;
  if (tool === version()) return '';
  return `; it was made by ksplice-ts ${tool ?? 'of an unknown version'}, and this is ${version()}`;
}
