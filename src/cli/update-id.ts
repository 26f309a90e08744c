// An update's id as an argument.

import { KspliceError } from '../base/errors.js';
import { ID_ADVICE, isUpdateId } from '../update/contents.js';

/** @throws KspliceError `usage` if the word cannot be an id; it becomes part of a path */
export function requireId(word: string): string {
  if (isUpdateId(word)) return word;
  throw new KspliceError('usage', `${JSON.stringify(word)} cannot be the id of an update`, {
    advice: `${ID_ADVICE} \`ksplice-ts view\` lists the applied updates.`,
  });
}
