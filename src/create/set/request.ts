// The request for a set: which kernels, and what is only for one kernel.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { chooseId } from '../modules/pack.js';
import type { CreateOptions } from '../request.js';

export interface SetOptions extends Omit<CreateOptions, 'confdir'> {
  /** The configuration directories, one for each kernel. */
  readonly confdirs: readonly string[];
}

/** An update's id in a set is the set's and so many letters that say for which build. */
const BUILD_LETTERS = 5;
const ID_ROOM = 16 - BUILD_LETTERS;

/**
 * The configuration directories below a directory, by name.
 * @throws KspliceError `usage` if there are none
 */
export function confdirsIn(directory: string): string[] {
  const names = existsSync(directory) ? readdirSync(directory).sort() : [];
  const found = names
    .map((name) => join(directory, name))
    .filter((place) => existsSync(join(place, '.config')));
  if (found.length > 0) return found;
  throw usage(
    `--configs: ${directory} has no configuration directories`,
    'Make one for each kernel: ksplice-ts configure DIR/NAME.',
  );
}

/** @throws KspliceError `usage` if something is asked for that only one kernel can have */
export function checkSetRequest(options: SetOptions): void {
  const { patch, source, image, on = [], series, module } = options;
  const refuse = (what: string, isGiven: boolean) => {
    if (isGiven) throw usage(`${what} is for one kernel`, 'Leave it out, or give one --config.');
  };
  refuse('a source tree', source !== undefined);
  refuse('--image', image !== undefined);
  refuse('--on', on.length > 0);
  refuse('--series', series ?? false);
  if (patch === undefined) {
    const advice = 'Each kernel has a source of its own; only a patch is a change for all of them.';
    throw usage(
      'several kernels need --patch',
      module === undefined ? advice : 'Make a patch: diff -u.',
    );
  }
}

/**
 * The user's id for a set, or a new random one.
 * @throws KspliceError `usage`
 */
export function chooseSetId(wanted: string | undefined): string {
  const id = chooseId(wanted);
  if (id.length <= ID_ROOM) return id;
  throw usage(
    `"${id}" cannot be the id of a set`,
    `It has at most ${ID_ROOM} letters and digits: for each kernel, ${BUILD_LETTERS} more are added.`,
  );
}

/** The id of the update for one build. */
export function updateIdFor(setId: string, buildId: string): string {
  const hash = createHash('sha256').update(buildId).digest().readUIntBE(0, 6);
  return `${setId}${hash.toString(36).slice(-BUILD_LETTERS).padStart(BUILD_LETTERS, '0')}`;
}

function usage(message: string, advice: string): KspliceError {
  return new KspliceError('usage', message, { advice });
}
