// Function entries that ftrace traces: a no-op, or a call to a trampoline of
// which there are many.

import type { Site, SiteCode } from '../../site.js';
import { NOP5 } from '../nops.js';
import { CALL } from '../opcodes.js';
import { branch, plain } from './forms.js';

/** Entries of __mcount_loc are unsigned longs. */
const ENTRY = 8;

export function* ftraceSites(code: SiteCode): Generator<Site> {
  for (const { code: place } of code.entries('__mcount_loc', ENTRY)) {
    yield {
      mechanism: 'ftrace',
      ...place,
      length: 5,
      forms: () => [plain(NOP5), branch([CALL], 'free')],
    };
  }
}
