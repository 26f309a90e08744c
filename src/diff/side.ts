// What a comparison looks at, and what it says.

import type { Parts } from './parts.js';
import type { SpecialTables } from './special.js';

/** One side of a comparison. */
export interface Side {
  readonly parts: Parts;
  readonly tables: SpecialTables;
}

/** The first difference found, in words; undefined if there is none. */
export type DifferenceInWords = string | undefined;
