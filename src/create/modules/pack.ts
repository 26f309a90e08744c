// Puts an update's files together and packs them.

import { randomInt } from 'node:crypto';
import { copyFileSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { machine } from '../../arch/index.js';
import { makeDirectories, tryDirectory } from '../../base/directories.js';
import { KspliceError } from '../../base/errors.js';
import { ADDRESSES_OUT, formatAddresses } from '../../update/addresses-out.js';
import {
  type Contents,
  formatContents,
  ID_ADVICE,
  isUpdateId,
  moduleFilesOf,
} from '../../update/contents.js';
import { FIXES, type Fixes, formatFixes, isEmpty } from '../../update/fixes.js';
import {
  ALLOW_BUSY,
  ALLOW_LAYOUT,
  API_VERSION,
  SUPERSEDES,
  type Update,
} from '../../update/update.js';
import { writeUpdate } from '../../update/write.js';
import type { Report } from '../values.js';

export interface UpdateParts {
  readonly id: string;
  readonly contents: Contents;
  /** Directory that holds the files that `contents` names. */
  readonly modules: string;
  /** Files of fixed modules for the disk; they get into `modules/`. */
  readonly fixed?: readonly string[];
  /** Functions that may be busy when they are switched. */
  readonly allowBusy?: readonly string[] | undefined;
  /** Types whose layout may change, as the author vouches. */
  readonly allowLayout?: readonly string[] | undefined;
  readonly fixes: Fixes;
  /** The ids of the updates that it takes the place of. */
  readonly supersedes?: readonly string[] | undefined;
  /** The change as a diff: bytes, one a character. */
  readonly diff: string;
  readonly description: string;
  readonly report: Report;
  /** ISO 8601. */
  readonly timestamp: string;
}

/**
 * Packs the update, without showing it to anybody yet.
 * @param stage an empty directory
 * @returns the tarball, and what it holds, read back
 * @throws KspliceError `io`, `bad-update`
 */
export async function packUpdate(
  parts: UpdateParts,
  stage: string,
): Promise<{ archive: string; update: Update }> {
  const { id, contents, report } = parts;
  const directory = join(stage, `ksplice-${id}`);
  mkdirSync(join(directory, 'debug'), { recursive: true });
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
  put('contents', formatContents(contents));
  put('description', `${parts.description}\n`);
  put('api-version', `${API_VERSION}\n`);
  put('timestamp', `${parts.timestamp}\n`);
  put('utsname', `Linux ${report.release} ${machine.name}\n`);
  const { allowBusy = [], allowLayout = [], supersedes = [] } = parts;
  if (supersedes.length > 0) put(SUPERSEDES, `${supersedes.join('\n')}\n`);
  if (allowBusy.length > 0) put(ALLOW_BUSY, `${allowBusy.join('\n')}\n`);
  if (allowLayout.length > 0) put(ALLOW_LAYOUT, `${allowLayout.join('\n')}\n`);
  if (!isEmpty(parts.fixes)) put(FIXES, formatFixes(parts.fixes));
  const { addressesOut } = report;
  if (addressesOut.length > 0) put(ADDRESSES_OUT, formatAddresses(addressesOut));
  if (report.buildId !== null) put('build-id', `${report.buildId}\n`);
  put('debug/report.json', `${JSON.stringify(reportInside(report), null, 2)}\n`);
  writeFileSync(join(directory, 'patch'), parts.diff, 'latin1');
  for (const { file } of moduleFilesOf(contents)) {
    copyFileSync(join(parts.modules, file), join(directory, file));
  }
  const { fixed = [] } = parts;
  if (fixed.length > 0) mkdirSync(join(directory, 'modules'));
  for (const file of fixed) copyFileSync(file, join(directory, 'modules', basename(file)));
  const archive = join(stage, archiveName(id));
  return { archive, update: await writeUpdate(directory, archive) };
}

/**
 * The report without what differs from one run, or one machine, to the next: how long it took, and in
 * which directory the image is.
 */
function reportInside({ timings: _, provedAgainst, ...report }: Report) {
  return { ...report, provedAgainst: provedAgainst && basename(provedAgainst) };
}

/** What an update's tarball is called. */
const archiveName = (id: string) => `ksplice-${id}.tar.gz`;

/**
 * Tries whether the tarball can be put where the user wants it, before there is one.
 * @throws KspliceError `usage` if what is there is in the way, `io`
 */
export function checkOutput(output: string, id: string): void {
  const place = join(output, archiveName(id));
  const inTheWay = (what: string) =>
    new KspliceError('usage', what, { advice: 'Give a directory with --output.' });
  try {
    const there = statSync(output, { throwIfNoEntry: false });
    if (there && !there.isDirectory()) throw inTheWay(`${output} is there, and is no directory`);
    if (statSync(place, { throwIfNoEntry: false })?.isDirectory()) {
      throw inTheWay(`${place} is a directory, where the update would be`);
    }
    tryDirectory(output);
  } catch (error) {
    if (error instanceof KspliceError) throw error;
    throw cannotWrite(place, error);
  }
}

/**
 * Puts the tarball where the user wants it: whole, or not at all.
 * @param output directory, made if need be
 * @returns its path there
 * @throws KspliceError `io`
 */
export function deliver(archive: string, output: string): string {
  const place = join(output, basename(archive));
  // In the same directory, for a rename cannot cross file systems.
  const unfinished = join(output, `.${basename(archive)}.${process.pid}`);
  try {
    makeDirectories(output);
    copyFileSync(archive, unfinished);
    renameSync(unfinished, place);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw cannotWrite(place, error);
  }
  return place;
}

function cannotWrite(place: string, cause: unknown): KspliceError {
  return new KspliceError('io', `cannot write ${place}: ${(cause as Error).message}`, {
    advice: 'Give another directory with --output.',
    cause,
  });
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * The user's id, or a new random one.
 * @throws KspliceError `usage`
 */
export function chooseId(wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (isUpdateId(wanted)) return wanted;
    throw new KspliceError('usage', `"${wanted}" cannot be an update's id`, {
      advice: ID_ADVICE,
    });
  }
  return Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}
