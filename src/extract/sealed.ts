// Branches of new code whose static key is read-only by now: `__ro_after_init`.
//
// The module loader links each entry of a module's `__jump_table` to its key, and
// for that it writes to the key (kernel/jump_label.c, jump_label_add_module()). Where
// the key is sealed, that is a page fault. But then it does not change any more
// either, and nothing has to be linked: the entries move to a section that only the
// core knows, and the core writes once and for all what each branch is
// (kmodsrc/sealed.c). The loader relocates them there as it does everywhere.

import {
  type ModelRelocation,
  type ModelSection,
  modelOf,
  type ObjectModel,
} from '../elf/model.js';
import { ElfObject } from '../elf/object.js';
import { JUMP_ENTRY } from '../elf/tables.js';
import { writeObject } from '../elf/writer.js';
import { SEALED_SECTION } from '../update/new-code.js';
import type { Assembly } from './assembly.js';
import type { SealedBranches } from './extraction.js';
import type { Undefined } from './undefined.js';

const JUMP_TABLE = '__jump_table';

/**
 * Which of the new code's branches have a sealed key.
 * @param undefinedSymbols gets a problem for each key of which nothing tells
 */
export function findSealed(assembly: Assembly, undefinedSymbols: Undefined): SealedBranches {
  const keys = new Set<string>();
  let count = 0;
  for (const { offset, symbol } of assembly.tableRelocations(JUMP_TABLE)) {
    if (offset % JUMP_ENTRY.size !== JUMP_ENTRY.key) continue;
    if (!undefinedSymbols.isSealedKey(symbol)) continue;
    keys.add(symbol.name);
    count++;
  }
  return { keys: [...keys], count };
}

/**
 * Moves the entries of sealed keys out of the sight of the module loader. Until here they had to
 * be where kbuild expects them: on some kernels objtool follows the branches when the module is linked.
 * @param ko the module as kbuild linked it
 */
export function takeOutSealed(ko: Buffer, { keys, count }: SealedBranches): Buffer {
  if (count === 0) return ko;
  const model = modelOf(new ElfObject(ko, 'module'));
  const table = sectionOf(model, JUMP_TABLE);
  const room = sectionOf(model, SEALED_SECTION);
  const names = new Set(keys);
  const sealed: Entry[] = [];
  const others: Entry[] = [];
  for (const entry of readEntries(table)) {
    const key = entry.relocations.find(({ offset }) => offset === JUMP_ENTRY.key);
    (key && names.has(key.symbol.name) ? sealed : others).push(entry);
  }
  const size = count * JUMP_ENTRY.size;
  if (sealed.length !== count || room.size !== size || room.relocations.length > 0) {
    throw new Error(`${sealed.length} branches with sealed keys, and room for ${room.size} bytes`);
  }
  writeEntries(table, others);
  writeEntries(room, sealed);
  return writeObject(model);
}

/** An entry; the offsets of its relocations count from its start. */
interface Entry {
  readonly bytes: Uint8Array;
  readonly relocations: readonly ModelRelocation[];
}

function sectionOf(model: ObjectModel, wanted: string): ModelSection {
  const section = model.sections.find(({ name }) => name === wanted);
  if (!section) throw new Error(`the module has no ${wanted}`);
  return section;
}

function readEntries({ data, relocations }: ModelSection): Entry[] {
  const entries: Entry[] = [];
  for (let start = 0; start < data.length; start += JUMP_ENTRY.size) {
    const end = start + JUMP_ENTRY.size;
    const own = relocations.filter(({ offset }) => offset >= start && offset < end);
    entries.push({
      bytes: data.subarray(start, end),
      relocations: own.map((one) => ({ ...one, offset: one.offset - start })),
    });
  }
  return entries;
}

function writeEntries(section: ModelSection, entries: readonly Entry[]): void {
  section.data = Buffer.concat(entries.map(({ bytes }) => bytes));
  section.size = section.data.length;
  section.relocations = entries.flatMap(({ relocations }, index) =>
    relocations.map((one) => ({ ...one, offset: one.offset + index * JUMP_ENTRY.size })),
  );
}
