// When something is said to be made. Everything else that create writes follows from what it is given,
// so with the time fixed the same source, patch, compiler and tool give the same bytes.

import { KspliceError } from '../../base/errors.js';

/**
 * The time that SOURCE_DATE_EPOCH names (reproducible-builds.org/specs/source-date-epoch), or else now.
 * @returns ISO 8601, of whole seconds
 * @throws KspliceError `usage` if it names none
 */
export function madeAt(epoch = process.env.SOURCE_DATE_EPOCH): string {
  const now = Math.floor(Date.now() / 1000);
  const seconds = epoch ? (/^\d{1,11}$/.test(epoch) ? Number(epoch) : undefined) : now;
  if (seconds === undefined) {
    throw new KspliceError('usage', `SOURCE_DATE_EPOCH is ${JSON.stringify(epoch)}`, {
      advice: 'It is a number of seconds since 1970.',
    });
  }
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
