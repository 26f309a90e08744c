// Data that the kernel makes read-only when its init, or a module's, is through.

import type { ElfSymbol } from '../elf/object.js';

/** Of vmlinux and of each module: what is read-only when its init is through. */
export const RO_AFTER_INIT = '.data..ro_after_init';

/** Whether a variable of a module is read-only since the module's init. */
export function isSealed({ section }: ElfSymbol): true | undefined {
  return section?.name === RO_AFTER_INIT || undefined;
}
