// LOCK prefixes: with one CPU they become DS prefixes, which do nothing.

import type { ObjectCode } from '../code.js';
import { plain, type Site } from './site.js';

const ENTRY = 4;
const DS = 0x3e;

export function* lockSites(code: ObjectCode): Generator<Site> {
  for (const entry of code.entries('.smp_locks', ENTRY)) {
    yield { mechanism: 'lock prefix', ...entry.code, length: 1, forms: () => [plain([DS])] };
  }
}
