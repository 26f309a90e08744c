// Which addresses of new code others may still have when the update is undone: what is called
// back later, what is linked into a list, what a structure points at. After undo they would lead
// to memory that was given back.
//
// Nothing tells for good what becomes of an address that a function of the kernel gets. So an
// address that is not known to be forgotten counts as kept.

import type { AddressOut } from '../update/addresses-out.js';
import { isAwaited } from './awaited.js';
import { eventOf } from './forgetting.js';
import type { Thing, Things } from './things.js';
import type { Walk } from './walk.js';

/**
 * Everything of new code that may be used after the update was undone, each once.
 * @param tables global symbols of contents that are written over the running kernel's
 * @param safe names of what the patch's author takes back himself (ksplice_undo_safe())
 */
export function findAddressesOut(
  { things, follower, origins, pointers }: Walk,
  tables: readonly string[],
  safe: ReadonlySet<string>,
): AddressOut[] {
  const cleaned = new Set(cleanedUp(things));
  const found = new Map<Thing, AddressOut>();
  const report = (thing: Thing, from: string, how: AddressOut['how'], to = '') => {
    if (found.has(thing) || cleaned.has(thing) || safe.has(thing.name)) return;
    found.set(thing, { symbol: thing.name, kind: thing.kind, from, how, to });
    for (const next of pointers.of(thing)) report(next, thing.name, 'pointed');
  };
  for (const { thing, from, fates } of origins) {
    for (const fate of fates) {
      if (fate.how === 'kept' || isAwaited(thing, fate, origins, follower, pointers)) continue;
      const given = fate.what === 'address' ? [thing] : pointers.reach(thing);
      const to = fate.how === 'passed' ? fate.to : '';
      // Events print what they record. Text that they do not copy is refused by `create`.
      if (eventOf(to) !== undefined) continue;
      // Text in a structure of the function's own is there to be printed.
      const isFrame = fate.how === 'stored' && fate.isFrame === true;
      for (const one of given) {
        if (!isFrame || one.kind !== 'literal') report(one, from?.name ?? '', fate.how, to);
      }
    }
  }
  for (const { section, value, size, name } of things.object.symbols) {
    if (!section || !tables.includes(name)) continue;
    const table = things.at(section, value);
    for (const thing of things.pointedAt(section, value, value + size)) {
      if (thing !== table) report(thing, table?.name ?? name, 'table');
    }
  }
  return [...found.values()];
}

/** Structures of SRCU: the loader's notifier ends what they have queued when a module goes (srcu_module_going()). */
function cleanedUp(things: Things): Thing[] {
  const lists = things.object.sectionsNamed('___srcu_struct_ptrs');
  return lists.flatMap((list) => things.pointedAt(list, 0, list.size));
}
