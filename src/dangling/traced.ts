// Text of new code that goes to a tracepoint. The ring buffer may keep the pointer, and who reads the
// trace later finds no text there, or no memory.

import type { ElfObject } from '../elf/object.js';
import { Follower, type Origin } from './follow.js';
import { eventOf } from './forgetting.js';
import { Pointers } from './pointers.js';
import { isOwn, type Meaning, type Thing, Things } from './things.js';

/** A text, and who hands it to which event. */
export interface TracedText {
  /** In quotes. */
  readonly text: string;
  readonly from: string;
  /** '' for one that the source marks with tracepoint_string(): whoever gets it has it traced. */
  readonly event: string;
}

/**
 * All text of new code that tracepoints get, each once for an event.
 * @param object new code, as extractNewCode() made it
 * @param meaningOf what an undefined symbol of the object stands for
 */
export function findTracedText(
  object: ElfObject,
  meaningOf: (symbol: string) => Meaning = (name) => ({ name }),
): TracedText[] {
  const isTold = object.symbols.some(
    ({ section, name }) => !section && eventOf(meaningOf(name).name) !== undefined,
  );
  if (!isTold && object.sectionsNamed('__tracepoint_str').length === 0) return [];
  const things = new Things(object, meaningOf);
  const follower = new Follower(things);
  const origins = things.code().flatMap((section) => follower.originsIn(section));
  const pointers = new Pointers(things, origins);
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
