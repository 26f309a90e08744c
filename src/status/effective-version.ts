// One word for what a host really runs: the release, and what its updates make of it.

import { createHash } from 'node:crypto';

/** How many digits of the hash are shown: enough for all combinations that a fleet can have. */
const DIGITS = 10;

/**
 * "6.1.0-56-amd64+ksplice.2.0f3a9c21d4": the release, how many updates are applied, and a hash of the
 * kernel's build and of the updates. Two hosts have the same if they run the same build with the
 * same updates, in whatever order these were applied. `dpkg --compare-versions` and `sort -V` put the
 * bare release first, and more updates behind fewer.
 */
export function effectiveVersion(
  release: string,
  buildId: string | null,
  updates: readonly { readonly id: string; readonly digest: string | null }[],
): string {
  if (updates.length === 0) return release;
  const lines = updates.map(({ id, digest }) => `${id} ${digest ?? ''}\n`).sort();
  const hash = createHash('sha256').update([`${buildId ?? ''}\n`, ...lines].join(''));
  return `${release}+ksplice.${updates.length}.${hash.digest('hex').slice(0, DIGITS)}`;
}
