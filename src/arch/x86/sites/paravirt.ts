// Calls through pv_ops, up to 6.7 (arch/x86/kernel/paravirt.c): an indirect
// call becomes a direct one, one function for each type of call, or nothing.

import type { Site, SiteCode } from '../../site.js';
import { nops, patchRules } from '../nops.js';
import { CALL } from '../opcodes.js';
import { branch, plain } from './forms.js';

/** struct paravirt_patch_site: { u8 *instr; u8 type; u8 len; } */
const TYPE = 8;
const LENGTH = 9;

export function* paravirtSites(code: SiteCode): Generator<Site> {
  if (code.tables.paravirt === 0) return;
  for (const entry of code.entries('.parainstructions', code.tables.paravirt)) {
    const type = entry.data[TYPE]!;
    const length = entry.data[LENGTH]!;
    if (length < 5) throw code.unsupported(`a paravirt call of ${length} bytes`);
    const forms = () => {
      const target = code.keys.group(`paravirt call ${type}`);
      const rules = patchRules(code.tables);
      return [branch([CALL], target, 0, nops(rules, length - 5)), plain(nops(rules, length))];
    };
    yield { mechanism: 'paravirt call', ...entry.code, length, forms };
  }
}
