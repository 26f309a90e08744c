// The update for the kernel that runs: the one that was given, or the one of a set that was made for
// this very build. An index only says where to look: what it says is compared with the update.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { count } from '../base/words.js';
import { CHECKSUMS } from './checksums.js';
import { readWhole } from './read.js';
import { INDEX, parseIndex, type SetIndex, type SetOther, type SetUpdate } from './set.js';
import type { Update } from './update.js';

/** The kernel that an update is wanted for. */
export interface ThisKernel {
  readonly release: string;
  /** Hexadecimal; undefined if it has none. */
  readonly buildId: string | undefined;
}

/**
 * Reads an update, whatever else it finds out about it.
 * @param sha256 what the archive has to be, hexadecimal; undefined if nobody says
 */
export type Reader<Read extends { readonly update: Update }> = (
  source: string,
  sha256: string | undefined,
) => Promise<Read>;

/** What was found: an update, or that the kernel needs none. */
export type Chosen<Read> =
  | { readonly found: Read; readonly notNeeded?: never }
  | { readonly found?: never; readonly notNeeded: SetOther };

/** Whether a path is that of a set. */
export async function isSet(source: string): Promise<boolean> {
  return stat(path.join(source, INDEX)).then(
    (status) => status.isFile(),
    () => false,
  );
}

/**
 * Reads an update, or that of a set which is for this kernel.
 * @throws KspliceError as `read`; `bad-set`; `not-in-set` if the set has none
 */
export async function chooseUpdate<Read extends { readonly update: Update }>(
  source: string,
  kernel: ThisKernel,
  read: Reader<Read>,
): Promise<Chosen<Read>> {
  if (!(await isSet(source))) return { found: await read(source, undefined) };
  const index = await readIndex(source);
  const isThis = ({ buildId }: SetUpdate | SetOther) => buildId === kernel.buildId;
  const entry = index.updates.find(isThis);
  if (entry) return { found: await readEntry(source, entry, read) };
  const other = index.others.find(isThis);
  if (other?.outcome === 'not-needed') return { notNeeded: other };
  throw notInSet(source, index, kernel, other);
}

/**
 * Reads the index of a set.
 * @throws KspliceError `bad-set`, `io`
 */
export async function readIndex(set: string): Promise<SetIndex> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  const text = await readWhole(path.join(set, INDEX), flags);
  const sums = (await readWhole(path.join(set, CHECKSUMS), flags)).toString('utf8');
  const sum = createHash('sha256').update(text).digest('hex');
  if (!sums.split('\n').includes(`${sum}  ${INDEX}`)) {
    throw badSet(set, `${INDEX} was altered or damaged: ${CHECKSUMS} has another checksum for it`);
  }
  const index = parseIndex(text.toString('utf8'));
  if (!index) throw badSet(set, `${INDEX} is not the index of a set, or not one of this version`);
  return index;
}

/**
 * Reads an update of a set.
 * @throws KspliceError as `read`; `bad-set` if the index says something else of it
 */
export async function readEntry<Read extends { readonly update: Update }>(
  set: string,
  entry: SetUpdate,
  read: Reader<Read>,
): Promise<Read> {
  const found = await read(path.join(set, entry.file), entry.sha256);
  const said = [entry.id, entry.release, entry.buildId, JSON.stringify(entry.fixes)];
  const { id, kernel, buildId, fixes } = found.update;
  const has = [id, kernel.release, buildId, JSON.stringify(fixes)];
  const what = ['id', 'kernel release', 'build id', 'fixes'];
  const differing = what.filter((_, at) => said[at] !== has[at]);
  if (differing.length === 0) return found;
  throw badSet(set, `${INDEX} and ${entry.file} differ in: ${differing.join(', ')}`);
}

function badSet(set: string, message: string): KspliceError {
  return new KspliceError('bad-set', `${set}: ${message}`, {
    advice: 'Nothing was done. Get the set again from where it was made.',
  });
}

function notInSet(
  set: string,
  { updates }: SetIndex,
  { release, buildId }: ThisKernel,
  refused: SetOther | undefined,
): KspliceError {
  const build = buildId === undefined ? 'which has no build id' : `build ${buildId.slice(0, 12)}`;
  const others = updates.map((one) => `${one.release} (${one.buildId.slice(0, 12)})`);
  const same = updates.some((one) => one.release === release);
  const why = refused ? `: \`create\` refused this kernel: ${refused.message}` : '';
  const message = `${set} has no update for the kernel that runs, ${release}, ${build}${why}`;
  const has = `It has ${count(updates.length, 'update')}, for ${others.join(', ')}.`;
  const advice = same
    ? `${has} An update for another build of the same release does not fit.`
    : has;
  return new KspliceError('not-in-set', message, {
    advice,
    details: { kernels: updates.map((one) => ({ release: one.release, buildId: one.buildId })) },
  });
}
