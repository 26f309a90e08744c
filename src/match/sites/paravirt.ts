// Calls through pv_ops, up to 6.7 (arch/x86/kernel/paravirt.c): an indirect
// call becomes a direct one, one function for each type of call, or nothing.

import type { ObjectCode } from '../code.js';
import { nops } from '../nops.js';
import { branch, CALL, plain, type Site } from './site.js';

/** struct paravirt_patch_site: { u8 *instr; u8 type; u8 len; } */
const TYPE = 8;
const LENGTH = 9;

export function* paravirtSites(code: ObjectCode): Generator<Site> {
  if (code.tables.paravirt === 0) return;
  for (const entry of code.entries('.parainstructions', code.tables.paravirt)) {
    const type = entry.data[TYPE]!;
    const length = entry.data[LENGTH]!;
    if (length < 5) throw code.unsupported(`a paravirt call of ${length} bytes`);
    const forms = () => {
      const target = code.keys.group(`paravirt call ${type}`);
      return [
        branch([CALL], target, 0, nops(code.rules, length - 5)),
        plain(nops(code.rules, length)),
      ];
    };
    yield { mechanism: 'paravirt call', ...entry.code, length, forms };
  }
}
