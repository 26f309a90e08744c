// Checks that an update below comes out of this source as it was made, because
// everything about its new code, except the symbols in its modules, is computed
// again.

import { type KspliceError, refusedChange } from '../../base/errors.js';
import type { Homes } from '../../diff/homes.js';
import type { ObjectDiff } from '../../diff/object-diff.js';
import type { Update } from '../../update/update.js';
import type { CompiledObject, ObjectReport } from '../values.js';

/**
 * @param homes of the object: a step for each of the updates
 * @throws KspliceError `refused-change` naming the update whose report says otherwise
 */
export function checkBases(
  { name, owners }: Pick<CompiledObject, 'name' | 'owners'>,
  { steps }: Homes,
  bases: readonly Update[],
): void {
  bases.forEach((base, step) => {
    for (const target of owners) {
      const made = reportOf(base, target, name);
      const now = steps[step]!;
      const same =
        now.verdict !== 'refused' && inWords(made?.changed ?? []) === inWords(sizes(now));
      if (!same) throw otherwise(base, target, name);
    }
  });
}

function reportOf({ report }: Update, target: string, object: string): ObjectReport | undefined {
  const objects = (report as { objects?: unknown } | undefined)?.objects;
  if (!Array.isArray(objects)) return undefined;
  return (objects as ObjectReport[]).find(
    (one) => one.target === target && one.object === object && Array.isArray(one.changed),
  );
}

function sizes({ replaced }: ObjectDiff) {
  return replaced.map(({ name, post }) => ({ name, newSize: post.size }));
}

function inWords(changed: readonly { name: string; newSize: number }[]): string {
  return changed
    .map(({ name, newSize }) => `${name} ${newSize}`)
    .sort()
    .join(', ');
}

function otherwise({ id }: Update, target: string, object: string): KspliceError {
  const refusal = {
    code: 'other-base',
    object,
    symbol: '',
    message: `the patch of update ${id}, applied to this source, does not give the ${object} (${target}) of that update`,
    advice:
      'It was made from other source, with --only-targets, or on top of updates that were not given. Undo it, and make one update of both changes.',
    target,
    update: id,
  } as const;
  return refusedChange([refusal]);
}
