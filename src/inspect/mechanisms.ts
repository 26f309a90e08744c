// The kernel's own ways of rewriting code, under one name for each: told from
// the table that lists a place (new code), or from the forms that it may take
// (old code: a match program has no tables any more).

import { CONSTANTS_SECTION } from '../elf/tables.js';
import type { Item, Program, Variant } from '../program/types.js';
import { SEALED_SECTION } from '../update/new-code.js';

/** A place in old code that the kernel rewrites. */
export type Site = Extract<Item, { kind: 'site' }>;

/** A branch that the kernel turns into a no-op, or a no-op into a branch. */
export const JUMP_LABEL = 'jump label';

/** The same where the key is read-only: written once, before the new code runs. */
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

const BY_CALLEE: readonly (readonly [RegExp, string])[] = [
  [/^__fentry__$/, 'ftrace'],
  [/^__x86_indirect_(thunk|call_thunk|jump_thunk)/, 'retpoline'],
  [/^__x86_return_thunk$/, 'return thunk'],
  [/^__SC[TK]__/, 'static call'],
  [/^pv_ops$/, 'paravirt call'],
];

/** What a place in old code is, from the forms that it may take. */
export function mechanismOfSite({ variants, length }: Site, program: Program): string {
  for (const variant of variants) {
    for (const { key, free } of variant.fields) {
      const name = free ? '' : (program.keys[key]?.name ?? '');
      const found = BY_CALLEE.find(([pattern]) => pattern.test(name));
      if (found) return found[1];
    }
  }
  const [built] = variants;
  if (!built) return 'rewritten by the kernel';
  if (length === 1 && (built.bytes[0] === 0xf0 || built.bytes[0] === 0x3e)) return 'lock prefix';
  if (built.bytes[0] === 0xc3) return 'return thunk';
  if (startsWith(built, ENDBR64)) return 'endbr';
  if (variants.length > 1 && variants.every(isJumpOrNop)) return JUMP_LABEL;
  return 'alternative';
}

const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];
const JUMPS_AND_NOPS = [[0xe9], [0xeb], [0x0f, 0x1f, 0x44, 0x00, 0x00], [0x66, 0x90]];

function isJumpOrNop(variant: Variant): boolean {
  const { length } = variant.bytes;
  return (
    (length === 2 || length === 5) && JUMPS_AND_NOPS.some((start) => startsWith(variant, start))
  );
}

function startsWith({ bytes }: Variant, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}
