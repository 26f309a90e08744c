// An update's id as an argument.

import { KspliceError } from '../errors.js';
import { isUpdateId } from '../update/contents.js';

/** @throws KspliceError `usage` if the word cannot be an id; it becomes part of a path */
export function requireId(word: string): string {
  if (isUpdateId(word)) return word;
  throw new KspliceError('usage', `${JSON.stringify(word)} is no update's id`, {
    advice: 'An id is 1 to 16 small letters and digits. `ksplice-ts view` lists them.',
  });
}
