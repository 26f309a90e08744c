// Whether a state of the scene is as it should be.

import type { Association } from '../vm/traffic/userland-sctp.js';

/** What an observation should show. */
export interface Expected {
  aborts: boolean;
}

/** In words, all that is not as it should be; nothing when the state is right. */
export function problems(seen: Association, expected: Expected): string[] {
  const found: string[] = [];
  if (!seen.up || !seen.echoed || !seen.closed) found.push('the two programs did not get through');
  if (expected.aborts && (seen.aborts === 0 || seen.outOfBlues === 0)) {
    found.push('no ABORT was seen');
  }
  if (!expected.aborts && (seen.aborts > 0 || seen.outOfBlues > 0)) {
    found.push('the kernel still answers with ABORTs');
  }
  return found;
}
