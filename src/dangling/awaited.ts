// Callbacks of RCU: undo waits for those that are queued (rcu_barrier()), but not for what they queue.

import type { Fate, Follower, Origin } from './follow.js';
import { eventOf } from './forgetting.js';
import type { Pointers } from './pointers.js';
import { isOwn, type Own, type Thing } from './things.js';

/**
 * Whether undo waits until nobody has the address any more: it is that of a callback of RCU, and
 * neither the callback nor the new code that it calls hands out anything, as by queueing itself again.
 */
export function isAwaited(
  thing: Thing,
  fate: Fate,
  origins: readonly Origin[],
  follower: Follower,
  pointers: Pointers,
): boolean {
  if (fate.how !== 'passed' || !/^call_rcu(_hurry)?$/.test(fate.to)) return false;
  if (thing.kind !== 'function' || fate.what !== 'address' || !isOwn(thing)) return false;
  const run = new Set<Own>([thing]);
  for (const one of run) for (const next of follower.calledBy(one)) run.add(next);
  const handsOut = ({ thing: given, from, fates }: Origin) =>
    from !== undefined && run.has(from) && fates.some((one) => isOut(given, one, pointers));
  return !origins.some(handsOut);
}

function isOut(thing: Thing, fate: Fate, pointers: Pointers): boolean {
  if (fate.how === 'kept') return false;
  // What it holds is a pointer to nothing new.
  if (fate.what === 'content' && pointers.reach(thing).length === 0) return false;
  if (fate.how === 'stored') return !(fate.isFrame && thing.kind === 'literal');
  return !(fate.how === 'passed' && eventOf(fate.to) !== undefined);
}
