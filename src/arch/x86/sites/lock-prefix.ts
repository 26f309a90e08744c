// LOCK prefixes: with one CPU they become DS prefixes, which do nothing.

import type { Site, SiteCode } from '../../site.js';
import { plain } from './forms.js';

const ENTRY = 4;
export const LOCK = 0xf0;
export const DS = 0x3e;

export function* lockSites(code: SiteCode): Generator<Site> {
  for (const entry of code.entries('.smp_locks', ENTRY)) {
    yield { mechanism: 'lock prefix', ...entry.code, length: 1, forms: () => [plain([DS])] };
  }
}
