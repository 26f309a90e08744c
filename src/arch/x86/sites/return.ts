// Returns (patch_return() in arch/x86/kernel/alternative.c): the jump to the
// return thunk becomes `ret`, or a jump to another thunk, the same everywhere.

import type { Relocation, Section } from '../../../elf/object.js';
import type { Site, SiteCode } from '../../site.js';
import { JMP32 } from '../opcodes.js';
import { RETURN_THUNK } from '../thunks.js';
import { branch, plain, RET5, RETURNS } from './forms.js';
import { listedPlaces } from './places.js';

/** Where the jump to the return thunk begins that a relocation is in. */
function jumpBefore(_section: Section, { offset, symbol }: Relocation): number | undefined {
  return symbol.name === RETURN_THUNK && offset > 0 ? offset - 1 : undefined;
}

export function* returnSites(code: SiteCode): Generator<Site> {
  for (const { section, offset } of listedPlaces(code, '.return_sites', jumpBefore)) {
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
