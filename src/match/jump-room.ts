// Whether the start of a function can be made a jump to its new code: what
// kmodsrc/site.c decides in the kernel, as far as the object tells.

import { machine } from '../arch/index.js';
import { TRACERS } from '../diff/calls.js';
import type { SpecialTables } from '../diff/special.js';
import type { ElfSymbol } from '../elf/object.js';

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
  const { size: jumpSize, markLength } = machine.jump;
  const start = value + markLength(section.data.subarray(value));
  const isTraced = sites.some(
    ({ kind, siteOffset }) =>
      kind.name === '__mcount_loc' && siteOffset >= value && siteOffset <= start,
  );
  // Where nobody has made the table yet, the call tells.
  const callsTracer = tables.object
    .relocations(section)
    .some(
      ({ symbol, offset }) => TRACERS.has(symbol.name) && offset >= value && offset <= start + 1,
    );
  if (isTraced || callsTracer) return undefined;
  if (start + jumpSize > value + size) return 'it is shorter than a jump';
  const rewritten = sites.find(
    ({ kind, siteOffset }) =>
      REWRITTEN.has(kind.name) && siteOffset >= start && siteOffset < start + jumpSize,
  );
  return (
    rewritten &&
    `its first bytes are in ${rewritten.kind.name}, and the kernel rewrites them at run time`
  );
}
