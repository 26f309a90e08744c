// A place in the code that the kernel rewrites while it boots, loads a module
// or runs, and what a machine asks of an object to find these places.

import type { KspliceError } from '../base/errors.js';
import type { ElfObject, ElfSymbol, Relocation, Section } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import type { Field, Variant } from '../program/program.js';

/** One way in which one mechanism of the kernel may rewrite one place. */
export interface Site {
  /** The mechanism, for messages. */
  readonly mechanism: string;
  readonly section: Section;
  /** In the section. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
  /**
   * What the kernel may put there, besides leaving it as it is. Made when asked
   * for: the keys of code that is not matched stay out of the program.
   */
  forms(): readonly Variant[];
  /** Written over whatever is there; otherwise only over what was built. */
  readonly overwrites?: boolean;
  /** The kernel merges no-ops here, whether it writes or not. */
  readonly mergesNops?: boolean;
}

/** All forms of a stretch of code. */
export type FormsOf = (section: Section, start: number, end: number) => readonly Variant[];

/** A place in an object. */
export interface Place {
  readonly section: Section;
  readonly offset: number;
}

/** One entry of a special table: its bytes, and where its references lead. */
export interface TableEntry {
  readonly data: Buffer;
  /** By offset in the entry. */
  readonly references: ReadonlyMap<number, Relocation>;
  /** Where the reference at the start of the entry leads: the code it is about. */
  readonly code: Place;
}

/** An object's code, as far as sites are found in it and told in the terms of a match program. */
export interface SiteCode {
  readonly object: ElfObject;
  readonly tables: TableSizes;
  readonly keys: {
    /** The object file, for messages. */
    readonly label: string;
    /** The key of a value that all sites with the same label share. */
    group(label: string): number;
    /** The key and offset that stand for symbol + addend, wherever it is. */
    place(symbol: ElfSymbol, addend: number): { readonly key: number; readonly offset: number };
  };
  /** Relocations of [start, end), those that do something. */
  relocations(section: Section, start: number, end: number): Relocation[];
  /** The number that a relocation puts into the code, as a field `offset` bytes into its item. */
  field(relocation: Relocation, offset: number): Field;
  /** Bounds-checked view of a section's contents. */
  bytes(section: Section, start: number, end: number): Buffer;
  /** The entries of all tables of that name, each `size` bytes long. */
  entries(table: string, size: number): Iterable<TableEntry>;
  /** Where a table's reference leads, if that is in this object. */
  target(relocation: Relocation): Place | undefined;
  /** The error for code that is not understood. */
  unsupported(what: string): KspliceError;
}

/** A branch that the kernel turns into a no-op, or a no-op into a branch. */
export const JUMP_LABEL = 'jump label';
