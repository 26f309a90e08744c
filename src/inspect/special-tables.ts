// The special tables that the new code brings along: which places in it the
// kernel treats specially, and why.

import { SpecialTables, tableKinds } from '../diff/special.js';
import type { Section } from '../elf/object.js';
import { inferTableSizes } from '../elf/tables.js';
import { mechanismOfTable } from './mechanisms.js';
import type { NewModule } from './new-module.js';

export interface UsedTable {
  /** The section: "__bug_table". */
  readonly name: string;
  /** What it is for: "BUG or WARN". */
  readonly mechanism: string;
  /** For places in functions out of the patched source. */
  readonly entries: number;
  /** The functions that have such places. */
  readonly functions: readonly string[];
}

/** The places in a section that tables name: mechanisms by offset. */
export type Notes = (section: Section) => ReadonlyMap<number, string>;

/** @throws KspliceError `unsupported-object` for a table whose entries cannot be told apart */
export function readTables(module: NewModule): { tables: UsedTable[]; notes: Notes } {
  const { object } = module;
  const sizes = inferTableSizes([object]);
  const special = new SpecialTables(object, sizes);
  const found = new Map<string, { entries: number; functions: Set<string> }>();
  for (const section of new Set(module.kept.map((symbol) => symbol.section!))) {
    for (const { kind, siteOffset } of special.all(section)) {
      const owner = module.kept.find(
        (symbol) =>
          symbol.section === section &&
          siteOffset >= symbol.value &&
          siteOffset < symbol.value + symbol.size,
      );
      const row = found.get(kind.name) ?? { entries: 0, functions: new Set() };
      row.entries++;
      if (owner) row.functions.add(owner.name);
      found.set(kind.name, row);
    }
  }
  const tables: UsedTable[] = [];
  for (const { name } of tableKinds(sizes)) {
    const row = found.get(name);
    const mechanism = mechanismOfTable(name);
    if (!row || mechanism === undefined) continue;
    tables.push({ name, mechanism, entries: row.entries, functions: [...row.functions] });
  }
  const messages = object.section('__dyndbg');
  if (messages && sizes.dyndbg > 0) {
    const entries = Math.floor(messages.size / sizes.dyndbg);
    tables.push({ name: '__dyndbg', mechanism: 'pr_debug()', entries, functions: [] });
  }
  return { tables, notes: (section) => notesOf(special, section) };
}

function notesOf(special: SpecialTables, section: Section): ReadonlyMap<number, string> {
  const notes = new Map<number, string>();
  for (const { kind, siteOffset } of special.all(section)) {
    const mechanism = mechanismOfTable(kind.name);
    if (mechanism === undefined) continue;
    const known = notes.get(siteOffset);
    notes.set(siteOffset, known === undefined ? mechanism : `${known}, ${mechanism}`);
  }
  return notes;
}
