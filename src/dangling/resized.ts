// Constants of new code that have another size than before, and whose address goes out by code
// that did not change. That code tells nobody how long they are: who reads them knows it
// otherwise. Objects that exist lead to the old one, and those that new code makes lead to the
// new one after undo, too: each is read by the size of the other.

import type { ResizedConstant } from '../diff/types.js';
import type { ElfObject } from '../elf/object.js';
import { Follower } from './follow.js';
import { Things } from './things.js';

/** A constant that is read by the wrong size, and who hands it out. */
export interface Outgrown {
  readonly constant: ResizedConstant;
  readonly by: string;
  readonly how: 'stores' | 'returns';
}

/** @param post the object of the new code, as it was compiled */
export function findOutgrown(post: ElfObject, resized: readonly ResizedConstant[]): Outgrown[] {
  const wanted = resized.filter(({ unchanged }) => unchanged.length > 0);
  if (wanted.length === 0) return [];
  const things = new Things(post, (symbol) => symbol);
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
