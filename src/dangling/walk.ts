// One target's new code, taken apart and followed once. The searches for what others keep of it
// (find.ts, traced.ts) look at the same walk.

import type { ElfObject } from '../elf/object.js';
import { Follower, type Origin } from './follow.js';
import { Pointers } from './pointers.js';
import { type Meaning, Things } from './things.js';

export interface Walk {
  readonly things: Things;
  readonly follower: Follower;
  /** Every place where the code takes an address, or reads what that holds, with what becomes of it. */
  readonly origins: readonly Origin[];
  readonly pointers: Pointers;
}

/**
 * @param object new code, as extractNewCode() made it
 * @param meaningOf what an undefined symbol of the object stands for
 */
export function walkThrough(
  object: ElfObject,
  meaningOf: (symbol: string) => Meaning = (name) => ({ name }),
): Walk {
  const things = new Things(object, meaningOf);
  const follower = new Follower(things);
  const origins = things.code().flatMap((section) => follower.originsIn(section));
  return { things, follower, origins, pointers: new Pointers(things, origins) };
}
