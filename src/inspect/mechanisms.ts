// The kernel's own ways of rewriting new code, under one name for each: told from
// the table that lists a place. For old code, the machine tells (arch/x86/mechanisms.ts).

import { JUMP_LABEL } from '../arch/site.js';
import { CONSTANTS_SECTION } from '../elf/tables.js';
import { SEALED_SECTION } from '../update/new-code.js';

/** A jump label whose key is read-only: written once, before the new code runs. */
export const SEALED_LABEL = 'fixed jump label';

const BY_TABLE: Readonly<Record<string, string>> = {
  __mcount_loc: 'ftrace',
  __patchable_function_entries: 'ftrace',
  __jump_table: JUMP_LABEL,
  [SEALED_SECTION]: SEALED_LABEL,
  [CONSTANTS_SECTION]: 'constant of this boot',
  '.altinstructions': 'alternative',
  '.parainstructions': 'paravirt call',
  '.static_call_sites': 'static call',
  '.smp_locks': 'lock prefix',
  '.retpoline_sites': 'retpoline',
  '.return_sites': 'return thunk',
  '.call_sites': 'call depth tracking',
  '.ibt_endbr_seal': 'endbr',
  '.cfi_sites': 'kCFI',
  __bug_table: 'BUG or WARN',
  __ex_table: 'exception table',
  _kprobe_blacklist: 'no kprobes',
};

/** What a special table is for; undefined for tables that only describe code. */
export function mechanismOfTable(name: string): string | undefined {
  return BY_TABLE[name];
}
