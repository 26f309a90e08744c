// Indirect branch tracking (apply_ibt_endbr() in arch/x86/kernel/alternative.c):
// the landing mark of a function that is never called indirectly is taken away.
// Which these are, the kernel's link decides: it may be any.

import * as C from '../../../elf/constants.js';
import type { Site, SiteCode } from '../../site.js';
import { ENDBR64 } from '../jump.js';
import { plain } from './forms.js';

/** gen_endbr_poison(): no-ops that are used for nothing else; the second one in 7.x. */
const POISONS = [
  [0x66, 0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0xd6],
];

export function* endbrSites(code: SiteCode): Generator<Site> {
  const seen = new Set<string>();
  for (const { type, section, value: offset } of code.object.symbols) {
    if (type !== C.STT_FUNC || !section || !(section.flags & C.SHF_EXECINSTR)) continue;
    const place = `${section.index}+${offset}`;
    if (seen.has(place) || !ENDBR64.every((byte, at) => section.data[offset + at] === byte))
      continue;
    seen.add(place);
    yield { mechanism: 'endbr', section, offset, length: 4, forms: () => POISONS.map(plain) };
  }
}
