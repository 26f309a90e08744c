// A function that an update below added has no place in the booted kernel, and so
// no old entry with a jump. If such a function changes, a new version goes into
// the new code, and all its callers are replaced so that they call the new
// version. This is correct only if nobody else can have its address.

import { STB_LOCAL } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Comparison } from './compare.js';
import type { Journal } from './journal.js';
import type { Part } from './parts.js';
import { forEachReference } from './references.js';
import type { SectionRole } from './sections.js';
import type { Side } from './side.js';
import { takesAddress } from './targets.js';

/** Whether a symbol of the pre object is in an update's new code, not in the kernel as booted. */
export type IsNewcomer = (pre: ElfSymbol) => boolean;

export interface Newcomers {
  /** Post functions that take the place of such ones. */
  readonly fresh: ReadonlySet<Part>;
  /** Those of them that others may know the old address of. */
  readonly known: readonly Part[];
}

// The kernel's own tables about code are not callers.
const referrers: ReadonlySet<SectionRole> = new Set(['code', 'data', 'init', 'unknown']);

/**
 * Takes changed newcomers out of the functions to replace, and puts their callers in.
 * @param functions pre function → post function; changed
 */
export function reviseNewcomers(
  comparison: Comparison,
  functions: Map<Part, Part>,
  isNewcomer: IsNewcomer,
  journal: Journal,
): Newcomers {
  const { correlation, pre, post } = comparison;
  const fresh = new Set<Part>();
  const known: Part[] = [];
  const queue = [...functions].filter(([old]) => isNewcomer(old.symbol));
  for (let next = queue.pop(); next; next = queue.pop()) {
    const [old, part] = next;
    functions.delete(old);
    fresh.add(part);
    journal.note(
      part.symbol.name,
      'changed, and an update below added it: a new version goes into the new code',
    );
    const before = referencesTo(pre, old);
    const after = referencesTo(post, part);
    const isOwn = old.symbol.binding === STB_LOCAL && part.symbol.binding === STB_LOCAL;
    // Calls inside of a section need no relocation, and are not seen.
    const isAlone = pre.parts.inSection(old.section).length === 1;
    if (!isOwn || !isAlone || before.isTaken || after.isTaken) known.push(part);
    for (const caller of after.callers) {
      const twin = correlation.preOf(caller);
      if (!twin || functions.has(twin) || fresh.has(caller)) continue;
      if (isNewcomer(twin.symbol)) queue.push([twin, caller]);
      else functions.set(twin, caller);
      journal.note(caller.symbol.name, `replaced because it calls ${part.symbol.name}`);
    }
  }
  return { fresh, known };
}

/** Who calls a function, and whether something has its address. */
function referencesTo(side: Side, part: Part): { callers: Set<Part>; isTaken: boolean } {
  const callers = new Set<Part>();
  let isTaken = false;
  forEachReference(
    side.parts,
    referrers,
    (section) => section === part.section,
    ({ from, section, relocation, target }) => {
      if (target.kind !== 'part' || target.part !== part) return;
      if (from?.isFunction && !takesAddress(section, relocation, target)) callers.add(from);
      else isTaken = true;
    },
  );
  return { callers, isTaken };
}
