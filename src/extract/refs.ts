// Chooses places in the new code at which the kernel can compare the addresses of
// the module loader with those that run-pre matching inferred: one place for each
// symbol that is found by name and position.
//
// When the kernel reads the place, it must still have the value that the loader
// wrote: nothing that is rewritten after loading (alternatives, jump labels, call
// sites, …), nothing in writable data, nothing in tables, which are sorted.

import { relocationShape } from '../arch/relocations.js';
import type { ObjectDiff } from '../diff/object-diff.js';
import { SHF_WRITE } from '../elf/constants.js';
import type { ModelSection, ModelSymbol } from '../elf/model.js';
import type { Section } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import type { Assembly, Placed } from './assembly.js';
import type { ProgramIndex, Ref } from './extraction.js';

/**
 * How many bytes from an entry's site on the kernel may rewrite, where the
 * entry itself does not say: the longest instruction of the kind.
 */
const siteLengths = new Map([
  ['__mcount_loc', 5],
  ['__jump_table', 5],
  ['.static_call_sites', 6],
  ['.retpoline_sites', 7],
  ['.return_sites', 5],
  ['.call_sites', 5],
  ['.smp_locks', 1],
  // An indirect call through pv_ops, with the moves that the compiler lets it clobber.
  ['.parainstructions', 16],
]);

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * @param assembly complete, with its relocations
 * @param isKlp whether an undefined symbol is resolved by name and position
 */
export function chooseRefs(
  assembly: Assembly,
  isKlp: (symbol: ModelSymbol) => boolean,
  program: ProgramIndex,
  tables: TableSizes,
): Ref[] {
  const rewritten = new Map<ObjectDiff, Map<Section, Range[]>>();
  const places = new Map<ModelSection, string>();
  const done = new Set<ModelSymbol>();
  const refs: Ref[] = [];
  for (const placed of assembly.placed) {
    const { symbol } = placed.relocation;
    if (done.has(symbol) || !isKlp(symbol)) continue;
    const { diff } = placed.object;
    let ranges = rewritten.get(diff);
    if (!ranges) {
      ranges = rewrittenRanges(diff, tables);
      rewritten.set(diff, ranges);
    }
    const ref = refAt(placed, ranges.get(placed.source) ?? [], program);
    if (!ref) continue;
    done.add(symbol);
    let name = places.get(placed.section);
    if (name === undefined) {
      name = `ksplice_place_${places.size}`;
      places.set(placed.section, name);
      assembly.addGlobal(name, placed.section, 0, 0);
    }
    refs.push({ symbol: name, ...ref });
  }
  return refs;
}

/** The comparison that is possible at a relocation, if there is one. */
function refAt(
  { source, relocation, keyOwner }: Placed,
  rewritten: readonly Range[],
  program: ProgramIndex,
): Omit<Ref, 'symbol'> | undefined {
  const { offset, type, addend } = relocation;
  const shape = relocationShape(type);
  if (!shape || (shape.width !== 4 && shape.width !== 8)) return undefined;
  if (source.flags & SHF_WRITE) return undefined;
  if (rewritten.some(({ start, end }) => offset < end && offset + shape.width > start)) {
    return undefined;
  }
  const key = keyOwner && program.keyOf(keyOwner.label, keyOwner.name);
  if (!key) return undefined;
  // The place holds symbol + addend, and the symbol is the key's value plus its offset.
  return {
    offset,
    width: shape.width,
    pcrel: shape.pcrel,
    signed: shape.signed,
    addend: key.offset + addend,
    key: key.key,
  };
}

/** Stretches of kept sections that the kernel rewrites after the module is loaded. */
function rewrittenRanges(diff: ObjectDiff, tables: TableSizes): Map<Section, Range[]> {
  const ranges = new Map<Section, Range[]>();
  for (const { table, entrySize, offsets } of diff.entries) {
    const fixed = siteLengths.get(table.name);
    if (fixed === undefined && table.name !== '.altinstructions') continue;
    const kept = new Set(offsets);
    for (const { offset, symbol, addend } of diff.relocations(table)) {
      // An entry begins with its site.
      if (offset % entrySize !== 0 || !kept.has(offset) || !symbol.section) continue;
      const start = symbol.value + addend;
      const end = start + (fixed ?? table.data[offset + tables.altInstrLength] ?? entrySize);
      const list = ranges.get(symbol.section);
      if (list) list.push({ start, end });
      else ranges.set(symbol.section, [{ start, end }]);
    }
  }
  return ranges;
}
