// Tables of operations whose owner changes (`.owner = THIS_MODULE`). The kernel counts a module's
// users by it: one more when a file is opened, one less when it is closed. A file that is open
// while the table is written is counted once only: then the module can be unloaded
// under those who use it, or never again.

import type { Refusal } from '../base/errors.js';
import type { Comparison } from './compare.js';
import { relocationsIn } from './extents.js';
import type { Part } from './parts.js';
import type { Side } from './side.js';
import { findTarget } from './targets.js';

/** THIS_MODULE, in an object of a module. */
const MODULE = '__this_module';

/**
 * @param written tables that are written in place, before and after
 * @param left those that hooks of the patch look after
 */
export function changedOwners(
  { pre, post }: Comparison,
  written: readonly (readonly [pre: Part, post: Part])[],
  left: ReadonlySet<Part>,
  object: string,
): Refusal[] {
  const changed = written.filter(
    ([old, now]) => !left.has(now) && owners(pre, old).join() !== owners(post, now).join(),
  );
  const names = changed.map(([, { symbol }]) => symbol.name).sort();
  return names.map((symbol) => ({
    code: 'owner-changed',
    object,
    symbol,
    message: `the owner in ${symbol} changed: who uses the table since before the switch was counted with the old owner, and would be let go with the new one`,
    advice:
      'Leave the owner as it is. If a hook makes sure that nobody uses the table at apply and undo (docs/hooks.md), let it refer to the table.',
  }));
}

/** Where in a table the module's own address is. */
function owners({ parts }: Side, part: Part): number[] {
  return relocationsIn(parts.object, part).flatMap((relocation) => {
    const target = findTarget(parts, part.section, relocation);
    const isOwner = target.kind === 'external' && target.name === MODULE;
    return isOwner ? [relocation.offset - part.start] : [];
  });
}
