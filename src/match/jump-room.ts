// Whether the start of a function can be made a jump to its new code: what
// kmodsrc/site.c decides in the kernel, as far as the object tells.

import type { SpecialTables } from '../diff/special.js';
import type { ElfSymbol } from '../elf/object.js';

/** e9 and a displacement. */
const JUMP_SIZE = 5;
const ENDBR64 = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa]);
/** Tables of code that the kernel rewrites at any time, not only at boot. */
const REWRITTEN = new Set(['__jump_table', '.static_call_sites']);

/**
 * Why the jump cannot be written, or undefined. Where a function begins with a
 * call to ftrace it always can: behind the call, or else ftrace redirects it.
 * @param tables of the object that defines the function
 */
export function jumpObstacle(tables: SpecialTables, symbol: ElfSymbol): string | undefined {
  const { section, value, size } = symbol;
  if (!section) return undefined;
  const sites = tables.all(section);
  const entry = section.data.subarray(value, value + ENDBR64.length);
  const start = entry.equals(ENDBR64) ? value + ENDBR64.length : value;
  const isTraced = sites.some(
    ({ kind, siteOffset }) =>
      kind.name === '__mcount_loc' && siteOffset >= value && siteOffset <= start,
  );
  if (isTraced) return undefined;
  if (start + JUMP_SIZE > value + size) return 'it is shorter than a jump';
  const rewritten = sites.find(
    ({ kind, siteOffset }) =>
      REWRITTEN.has(kind.name) && siteOffset >= start && siteOffset < start + JUMP_SIZE,
  );
  return (
    rewritten &&
    `its first bytes are in ${rewritten.kind.name}, and the kernel rewrites them at run time`
  );
}
