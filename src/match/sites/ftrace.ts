// Function entries that ftrace traces: a no-op, or a call to a trampoline of
// which there are many.

import type { ObjectCode } from '../code.js';
import { NOP5 } from '../nops.js';
import { branch, CALL, plain, type Site } from './site.js';

/** Entries of __mcount_loc are unsigned longs. */
const ENTRY = 8;

export function* ftraceSites(code: ObjectCode): Generator<Site> {
  for (const { code: place } of code.entries('__mcount_loc', ENTRY)) {
    yield {
      mechanism: 'ftrace',
      ...place,
      length: 5,
      forms: () => [plain(NOP5), branch([CALL], 'free')],
    };
  }
}
