// Text of new code that goes to a tracepoint. The ring buffer may keep the pointer, and who reads the
// trace later finds no text there, or no memory.

import type { Origin } from './follow.js';
import { eventOf } from './forgetting.js';
import { isOwn, type Thing } from './things.js';
import type { Walk } from './walk.js';

/** A text, and who hands it to which event. */
export interface TracedText {
  /** In quotes. */
  readonly text: string;
  readonly from: string;
  /** '' for one that the source marks with tracepoint_string(): whoever gets it has it traced. */
  readonly event: string;
}

/** All text of new code that tracepoints get, each once for an event. */
export function findTracedText({ origins, pointers }: Walk): TracedText[] {
  const found = new Map<string, TracedText>();
  const add = (text: Thing, from: string, event: string) => {
    if (text.kind !== 'literal') return;
    found.set(`${text.name} ${event}`, { text: text.name, from, event });
  };
  for (const { thing, from, fates } of origins) {
    const name = from?.name ?? '';
    if (isMarked(thing)) for (const text of pointers.of(thing)) add(text, name, '');
    for (const fate of fates) {
      const event = fate.how === 'passed' ? eventOf(fate.to) : undefined;
      if (event === undefined) continue;
      const given = fate.what === 'address' ? [thing] : pointers.reach(thing);
      for (const text of given) if (!isMarked(thing)) add(text, name, event);
    }
  }
  return [...found.values()];
}

/** The variable of a tracepoint_string(). */
function isMarked(thing: Origin['thing']): boolean {
  return isOwn(thing) && thing.section.name.startsWith('__tracepoint_str');
}
