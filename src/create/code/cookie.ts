// The number by which the core knows that old and new code of a target belong together, and that an
// update is on the very one that it was made on. It follows from both, so that what is made again is
// the same, and anything else is something else.

import { createHash } from 'node:crypto';
import type { NewCode } from '../../extract/extraction.js';
import { encodeProgram } from '../../program/encode.js';
import type { Program } from '../../program/program.js';

/**
 * @param id of the update
 * @param program with any cookie
 */
export function cookieOf(id: string, target: string, program: Program, newCode: NewCode): bigint {
  const { object, ...rest } = newCode;
  return createHash('sha256')
    .update(JSON.stringify([id, target, rest]))
    .update('\0')
    .update(encodeProgram({ ...program, cookie: 0n }))
    .update(object)
    .digest()
    .readBigUInt64LE();
}
