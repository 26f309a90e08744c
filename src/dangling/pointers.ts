// What new data leads to.

import type { Origin } from './follow.js';
import { isOwn, type Thing, type Things } from './things.js';

/** What new data points at: by what it is made of, and by what new code stores there. */
export class Pointers {
  private readonly stored = new Map<Thing, Thing[]>();

  constructor(
    private readonly things: Things,
    origins: readonly Origin[],
  ) {
    for (const { thing, fates } of origins) {
      for (const fate of fates) {
        if (fate.how === 'kept')
          this.stored.set(fate.in, [...(this.stored.get(fate.in) ?? []), thing]);
      }
    }
  }

  /** The next ones only. */
  of(thing: Thing): Thing[] {
    if (thing.kind !== 'data' || !isOwn(thing)) return [];
    const { section, start, end } = thing;
    return [...this.things.pointedAt(section, start, end), ...(this.stored.get(thing) ?? [])];
  }

  /** All that can be got at from there; of what is elsewhere nobody knows, so it is that itself. */
  reach(thing: Thing): Thing[] {
    if (!isOwn(thing)) return [thing];
    const all = new Set(this.of(thing));
    for (const one of all) for (const next of this.of(one)) all.add(next);
    return [...all];
  }
}
