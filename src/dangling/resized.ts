// Constants of new code that have another size than before, and whose address goes out by code
// that did not change. That code tells nobody how long they are: who reads them knows it
// otherwise, unless it ends with a null pointer. Objects that exist lead to the old one, and those that new code makes lead to the
// new one after undo, too: each is read by the size of the other.

import type { ObjectDiff, ResizedConstant } from '../diff/object-diff.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { Follower } from './follow.js';
import { Things } from './things.js';

/** A constant that is read by the wrong size, and who hands it out. */
export interface Outgrown {
  readonly constant: ResizedConstant;
  readonly by: string;
  readonly how: 'stores' | 'returns';
}

/** A null pointer behind the last entry, or an empty one. */
const TERMINATOR = 8;

/** Of objects as they were compiled, without the patch and with it. */
export function findOutgrown({
  pre,
  post,
  resized,
}: Pick<ObjectDiff, 'pre' | 'post' | 'resized'>): Outgrown[] {
  const wanted = resized.filter(
    (one) =>
      one.unchanged.length > 0 && !(isTerminated(pre, one.pre) && isTerminated(post, one.post)),
  );
  if (wanted.length === 0) return [];
  const things = new Things(post, (name) => ({ name }));
  const follower = new Follower(things);
  return wanted.flatMap((constant): Outgrown[] => {
    const table = constant.post.section && things.at(constant.post.section, constant.post.value);
    for (const { section, value, name } of constant.unchanged) {
      const reader = section && things.at(section, value);
      if (!section || !table || !reader) continue;
      const fates = follower
        .originsIn(section)
        .filter(({ thing, from }) => thing === table && from === reader)
        .flatMap((origin) => origin.fates.filter(({ what }) => what === 'address'));
      const how = fates.map((fate) => fate.how).find((one) => one !== 'passed');
      if (how === undefined) continue;
      return [{ constant, by: name, how: how === 'returned' ? 'returns' : 'stores' }];
    }
    return [];
  });
}

/** Whether pointers are in it, and none at its end: who reads it stops there. */
function isTerminated(object: ElfObject, { section, value, size }: ElfSymbol): boolean {
  if (!section || size < TERMINATOR) return false;
  const end = value + size;
  const pointers = object
    .relocations(section)
    .filter(({ offset }) => offset >= value && offset < end);
  const last = section.data.subarray(end - TERMINATOR, end);
  return (
    pointers.length > 0 &&
    pointers.every(({ offset }) => offset < end - TERMINATOR) &&
    last.every((byte) => byte === 0)
  );
}
