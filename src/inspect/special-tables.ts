// The special tables that the new code brings along: which places in it the
// kernel treats specially, and why.

import { JUMP_LABEL } from '../arch/site.js';
import { type SpecialEntry, SpecialTables } from '../diff/special.js';
import { type TableKind, tableKinds } from '../diff/table-kinds.js';
import type { Section } from '../elf/object.js';
import { inferTableSizes, JUMP_ENTRY } from '../elf/tables.js';
import { SEALED_SECTION } from '../update/new-code.js';
import { type Note, showReferent } from './code.js';
import { mechanismOfTable, SEALED_LABEL } from './mechanisms.js';
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

/** Entries of `__jump_table` that the module loader must not see: struct ksplice_new_code has them. */
const SEALED: TableKind = { name: SEALED_SECTION, entrySize: JUMP_ENTRY.size, compared: true };

/** The places in a section that tables name, by offset. */
export type Notes = (section: Section) => ReadonlyMap<number, Note>;

/** @throws KspliceError `unsupported-object` for a table whose entries cannot be told apart */
export function readTables(module: NewModule): { tables: UsedTable[]; notes: Notes } {
  const { object } = module;
  const sizes = inferTableSizes([object]);
  const kinds = [...tableKinds(sizes), SEALED];
  const special = new SpecialTables(object, sizes, kinds);
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
  for (const { name } of kinds) {
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
  return { tables, notes: (section) => notesOf(module, special, section) };
}

function notesOf(
  module: NewModule,
  special: SpecialTables,
  section: Section,
): ReadonlyMap<number, Note> {
  const notes = new Map<number, Note>();
  for (const entry of special.all(section)) {
    const mechanism = mechanismOfTable(entry.kind.name);
    // Every call is in that table: to say so tells nothing.
    if (mechanism === undefined || entry.kind.name === '.call_sites') continue;
    const isJump = mechanism === JUMP_LABEL || mechanism === SEALED_LABEL;
    const note = isJump ? jumpLabel(module, entry, mechanism) : { text: mechanism };
    const known = notes.get(entry.siteOffset);
    const text = known ? `${known.text}, ${note.text}` : note.text;
    notes.set(entry.siteOffset, { ...known, ...note, text });
  }
  return notes;
}

function jumpLabel(module: NewModule, { table, offset }: SpecialEntry, mechanism: string): Note {
  const at = (field: number) =>
    module.relocations(table).find((relocation) => relocation.offset === offset + field);
  const target = at(JUMP_ENTRY.target);
  const key = at(JUMP_ENTRY.key);
  const place = key && module.referent({ ...key, addend: key.addend & ~JUMP_ENTRY.flags }, 0);
  return {
    text: place ? `${mechanism} ${showReferent(place)}` : mechanism,
    ...(target ? { leadsTo: module.referent(target, 0) } : {}),
  };
}
