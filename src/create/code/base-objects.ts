// Checks that an update below comes out of this source as it was made, because
// everything about its new code, except the symbols in its modules, is computed
// again.

import { type KspliceError, refusedChange } from '../../base/errors.js';
import { asCount, asListOf, asRecord, asText } from '../../base/stored.js';
import type { Homes } from '../../diff/homes.js';
import type { ObjectDiff } from '../../diff/object-diff.js';
import type { Update } from '../../update/update.js';
import type { ChangedFunctionReport, CompiledObject, ObjectReport } from '../values.js';

type MadeFunction = Pick<ChangedFunctionReport, 'name' | 'newSize'>;
interface MadeObject extends Pick<ObjectReport, 'target' | 'object'> {
  readonly changed: readonly MadeFunction[];
}

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

function reportOf({ report }: Update, target: string, object: string): MadeObject | undefined {
  const objects = asReport(report)?.objects;
  return objects?.find((one) => one.target === target && one.object === object);
}

/** What is asked of debug/report.json. */
const asReport = asRecord<{ objects: MadeObject[] }>({
  objects: asListOf(
    asRecord<MadeObject>({
      target: asText,
      object: asText,
      changed: asListOf(asRecord<MadeFunction>({ name: asText, newSize: asCount })),
    }),
  ),
});

function sizes({ replaced }: ObjectDiff) {
  return replaced.map(({ name, post }) => ({ name, newSize: post.size }));
}

function inWords(changed: readonly MadeFunction[]): string {
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
