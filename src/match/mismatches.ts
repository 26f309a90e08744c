// What to tell a person about a kernel that does not match.

import type { Mismatch } from './interpret.js';

/**
 * The mismatches without those that follow from others: in an object of which
 * one function has another length, all that come after it are at other places
 * than expected, though their code is the same.
 */
export function primaryMismatches(mismatches: readonly Mismatch[]): Mismatch[] {
  const follows = ({ cause }: Mismatch) => cause === 'inconsistent' || cause === 'ambiguous';
  const changed = new Set(mismatches.filter((one) => !follows(one)).map(({ object }) => object));
  return mismatches.filter((one) => !follows(one) || !changed.has(one.object));
}
