// A switch that the core refused, as an error to show.

import { KspliceError } from '../errors.js';
import { abortCause } from './abort-causes.js';
import type { Core } from './core.js';

/**
 * The error for an update that the core did not apply or take back: the abort
 * cause in words, and in `details` the tasks and places that the core names.
 * @param word what `abort_cause` says
 * @param errno the name of the error with which the write to `stage` ended
 */
export async function refusal(
  id: string,
  core: Core,
  action: 'apply' | 'undo',
  word: string,
  errno?: string,
): Promise<KspliceError> {
  const { code, sentence, advice } = abortCause(word);
  const [conflicts, match] = await Promise.all([core.conflicts(id), core.mismatches(id)]);
  const verb = action === 'apply' ? 'applied' : 'undone';
  const where = conflicts.map(({ pid, task, function: name }) =>
    name === 'unreliable'
      ? `the stack of ${task} (${pid}) cannot be walked`
      : `${task} (${pid}) in ${name}`,
  );
  const first = [...new Set([...where, ...match])].slice(0, 3);
  const more = where.length + match.length - first.length;
  const list = first.length > 0 ? `: ${first.join('; ')}${more > 0 ? `; ${more} more` : ''}` : '';
  return new KspliceError(code, `update ${id} cannot be ${verb}: ${sentence}${list}`, {
    advice,
    details: { id, abortCause: word, errno: errno ?? null, conflicts, match },
  });
}
