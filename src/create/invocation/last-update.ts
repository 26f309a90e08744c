// Which update was made last with a configuration: a series of patches continues from it.

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { cacheDirectory } from '../../base/cache.js';
import { KspliceError } from '../../base/errors.js';

function place(confdir: string): string {
  const hash = createHash('sha256').update(realpathSync(confdir)).digest('hex').slice(0, 16);
  return join(cacheDirectory(), 'last-update', hash);
}

/**
 * @returns its path; undefined if none was made yet
 * @throws KspliceError `io` if it is not there any more
 */
export function lastUpdate(confdir: string): string | undefined {
  const file = place(confdir);
  if (!existsSync(file)) return undefined;
  const update = readFileSync(file, 'utf8');
  if (isAbsolute(update) && existsSync(update)) return update;
  const what = `the last update made with ${confdir}`;
  const message = isAbsolute(update)
    ? `${update}, ${what}, does not exist`
    : `${file} does not name ${what}: it is damaged`;
  throw new KspliceError('io', message, {
    advice: 'If the last applied update is another one, use --on FILE instead of --series.',
  });
}

/** @param update path of the tarball */
export function rememberLast(confdir: string, update: string): void {
  const file = place(confdir);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, resolve(update));
  renameSync(`${file}.${process.pid}`, file);
}
