// Function entries that ftrace traces: a no-op, or a call to a trampoline of
// which there are many.

import * as C from '../../../elf/constants.js';
import type { Place, Site, SiteCode } from '../../site.js';
import { NOP5 } from '../nops.js';
import { CALL } from '../opcodes.js';
import { branch, plain } from './forms.js';

/** Entries of __mcount_loc are unsigned longs. */
const ENTRY = 8;
const TABLE = '__mcount_loc';

export function* ftraceSites(code: SiteCode): Generator<Site> {
  for (const place of code.object.section(TABLE) ? listed(code) : called(code)) {
    yield {
      mechanism: 'ftrace',
      ...place,
      length: 5,
      forms: () => [plain(NOP5), branch([CALL], 'free')],
    };
  }
}

function* listed(code: SiteCode): Generator<Place> {
  for (const entry of code.entries(TABLE, ENTRY)) yield entry.code;
}

/**
 * gcc makes the list itself. For clang objtool makes it, and puts the no-ops there; on kernels with IBT it sees
 * an object only when it is linked.
 */
function* called({ object }: SiteCode): Generator<Place> {
  for (const section of object.sections) {
    if (!(section.flags & C.SHF_EXECINSTR)) continue;
    for (const { symbol, offset } of object.relocations(section)) {
      if (symbol.name !== '__fentry__' || section.data[offset - 1] !== CALL) continue;
      yield { section, offset: offset - 1 };
    }
  }
}
