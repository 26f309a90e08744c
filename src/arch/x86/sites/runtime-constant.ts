// Constants that boot code writes into instructions, since 6.11
// (arch/x86/include/asm/runtime-const.h): pointers, shift counts, masks.

import type { Site, SiteCode } from '../../site.js';

const ENTRY = 4;

/** Sections are named after what the constant is: runtime_ptr_dentry_hashtable. */
const KINDS = [
  { prefix: 'runtime_ptr_', length: 8 },
  { prefix: 'runtime_shift_', length: 1 },
  { prefix: 'runtime_mask_', length: 4 },
] as const;

export function* runtimeConstantSites(code: SiteCode): Generator<Site> {
  const names = new Set(code.object.sections.map(({ name }) => name));
  for (const name of names) {
    const kind = KINDS.find(({ prefix }) => name.startsWith(prefix));
    if (!kind) continue;
    const { length } = kind;
    for (const entry of code.entries(name, ENTRY)) {
      const any = { pcrel: false, signed: false, free: true, key: 0, addend: 0 };
      const forms = () => [
        { bytes: new Uint8Array(length), fields: [{ ...any, offset: 0, width: length }] },
      ];
      yield { mechanism: 'run-time constant', ...entry.code, length, forms };
    }
  }
}
