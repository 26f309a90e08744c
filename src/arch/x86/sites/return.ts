// Returns (patch_return() in arch/x86/kernel/alternative.c): the jump to the
// return thunk becomes `ret`, or a jump to another thunk, the same everywhere.

import * as C from '../../../elf/constants.js';
import type { Section } from '../../../elf/object.js';
import type { Site, SiteCode } from '../../site.js';
import { JMP32 } from '../opcodes.js';
import { RETURN_THUNK } from '../thunks.js';
import { branch, plain, RET5, RETURNS } from './forms.js';

const ENTRY = 4;

export function* returnSites(code: SiteCode): Generator<Site> {
  for (const { section, offset } of places(code)) {
    // What is listed and is no jump is a static call's trampoline, a site of its own.
    if (section.data[offset] !== JMP32) continue;
    yield {
      mechanism: 'return',
      section,
      offset,
      length: 5,
      forms: () => [plain(RET5), branch([JMP32], code.keys.group(RETURNS))],
    };
  }
}

function* places(code: SiteCode): Generator<{ section: Section; offset: number }> {
  if (code.object.section('.return_sites')) {
    for (const entry of code.entries('.return_sites', ENTRY)) yield entry.code;
    return;
  }
  // objtool has not seen the object (it may run at link time only).
  for (const section of code.object.sections) {
    if (!(section.flags & C.SHF_EXECINSTR)) continue;
    for (const { offset, symbol } of code.object.relocations(section)) {
      if (symbol.name === RETURN_THUNK && offset > 0) {
        yield { section, offset: offset - 1 };
      }
    }
  }
}
