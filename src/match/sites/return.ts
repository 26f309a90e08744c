// Returns (patch_return() in arch/x86/kernel/alternative.c): the jump to the
// return thunk becomes `ret`, or a jump to another thunk, the same everywhere.

import * as C from '../../elf/constants.js';
import type { Section } from '../../elf/object.js';
import type { ObjectCode } from '../code.js';
import { branch, JMP32, plain, RET5, RETURN_THUNK, type Site } from './site.js';

const ENTRY = 4;

export function* returnSites(code: ObjectCode): Generator<Site> {
  for (const { section, offset } of places(code)) {
    // What is listed and is no jump is a static call's trampoline, a site of its own.
    if (section.data[offset] !== JMP32) continue;
    yield {
      mechanism: 'return',
      section,
      offset,
      length: 5,
      forms: () => [plain(RET5), branch([JMP32], code.keys.group(RETURN_THUNK))],
    };
  }
}

function* places(code: ObjectCode): Generator<{ section: Section; offset: number }> {
  if (code.object.section('.return_sites')) {
    for (const entry of code.entries('.return_sites', ENTRY)) yield entry.code;
    return;
  }
  // objtool has not seen the object (it may run at link time only).
  for (const section of code.object.sections) {
    if (!(section.flags & C.SHF_EXECINSTR)) continue;
    for (const { offset, symbol } of code.object.relocations(section)) {
      if (symbol.name === '__x86_return_thunk' && offset > 0) {
        yield { section, offset: offset - 1 };
      }
    }
  }
}
