// New entries in a section that is neither code nor data. The kernel, or the module
// loader, makes a list of the entries of such sections. An entry has a meaning even if no
// code refers to it, so a new entry that is left out is always reported.

import { fateOfNew } from './collected.js';
import type { Comparison } from './compare.js';
import { relocationsIn } from './extents.js';
import { isFresh } from './names.js';
import type { Part } from './parts.js';

export interface LeftBehind {
  /** They point at something, which whoever reads the list would use. */
  readonly refused: readonly Part[];
  /** Of no effect, and of no harm. */
  readonly noted: readonly Part[];
}

/** The new entries of lists that nothing will read again, or of which nothing is known. */
export function leftBehind(comparison: Comparison): LeftBehind {
  const { correlation, post } = comparison;
  const refused: Part[] = [];
  const noted: Part[] = [];
  for (const part of post.parts.parts) {
    if (part.role !== 'unknown' || correlation.preOf(part)) continue;
    const fate = fateOfNew(part.section);
    if (fate === 'kept' || part.names.every(({ name }) => isFresh(name))) continue;
    if (wasThere(comparison, part)) continue;
    const isRefused = fate === 'refused' && relocationsIn(post.parts.object, part).length > 0;
    (isRefused ? refused : noted).push(part);
  }
  return { refused, noted };
}

/** Whether an entry only has another number in its name: `__UNIQUE_ID_array531`. */
function wasThere(comparison: Comparison, part: Part): boolean {
  return comparison.correlation
    .unpaired('pre')
    .some(
      (old) =>
        old.section.name === part.section.name &&
        plain(old) === plain(part) &&
        comparison.same(old, part),
    );
}

function plain({ symbol }: Part): string {
  return symbol.name.replace(/\d+/g, '#');
}
