// The differences that the differ finds between a pre and a post object, both
// compiled with -ffunction-sections -fdata-sections, and their consequences for
// the new code: which sections go along, and where each of their relocations
// leads.

import type { Refusal } from '../base/errors.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';
import type { Extent } from './extents.js';
import type { Hook } from './hooks.js';

/** A new variable that begins as zeros. */
export interface NewVariable {
  readonly symbol: ElfSymbol;
  /** New functions that set it up, if anybody calls them. */
  readonly setters: readonly ElfSymbol[];
}

export interface ChangedNames {
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** A function whose code differs and that is therefore replaced, or data that is written over. */
export interface ChangedSymbol {
  readonly name: string;
  readonly pre: ElfSymbol;
  readonly post: ElfSymbol;
}

/** Entries of one special table that belong to kept code. */
export interface KeptEntries {
  /** The table's section in the post object. */
  readonly table: Section;
  /** In bytes. */
  readonly entrySize: number;
  /** Byte offsets of the entries, ascending. */
  readonly offsets: readonly number[];
}

/**
 * A relocation of the new code with its target decided:
 *
 * - `kept`: `symbol` and `addend` as in the post object; the symbol is defined
 *   in a kept section, or is the object symbol of a kept table entry.
 * - `running`: `symbol` is the twin in the *pre* object, which is in the running
 *   kernel; `addend` is relative to that symbol. This is also where the address
 *   of a replaced function leads when it is taken (`lea`, `mov $f`, a pointer in
 *   data) so that comparisons of function pointers go on working, while calls and
 *   jumps to it are `kept`.
 * - `external`: `symbol` is an undefined or absolute symbol of the post object.
 */
export interface ResolvedRelocation {
  /** In bytes from the start of the post section that is relocated. */
  readonly offset: number;
  /** R_* of the machine. */
  readonly type: number;
  readonly to: 'kept' | 'running' | 'external';
  readonly symbol: ElfSymbol;
  readonly addend: number;
}

/** A constant of the new code that has another size than the running kernel's. */
export interface ResizedConstant {
  readonly pre: ElfSymbol;
  readonly post: ElfSymbol;
  /** Functions of the post object that are replaced for no other reason than that they refer to it. */
  readonly unchanged: readonly ElfSymbol[];
}

export interface ObjectDiff {
  readonly verdict: 'changed' | 'unchanged' | 'refused';
  readonly functions: ChangedNames;
  readonly data: ChangedNames;
  readonly refusals: readonly Refusal[];
  /** Things worth saying that refuse nothing: "only .init.text changed: no effect". */
  readonly notes: readonly string[];
  readonly pre: ElfObject;
  readonly post: ElfObject;
  /** Replaced functions; their `.cold` parts are not listed here. */
  readonly replaced: readonly ChangedSymbol[];
  /** Read-only data whose new content is written over the old. */
  readonly written: readonly ChangedSymbol[];
  readonly resized: readonly ResizedConstant[];
  /** What is called when the update is applied or reversed; all of it is kept. */
  readonly hooks: readonly Hook[];
  /** Names of what nobody has the address of any more when the update is undone, by the author's word. */
  readonly undoSafe: readonly string[];
  /** New variables that begin as zeros. */
  readonly fresh: readonly NewVariable[];
  /** The name of the function of the post object that sets up a variable of another object when it is loaded. */
  bootSetter(variable: string): string | undefined;
  /** Post sections that go into the new code as they are: code, new data, strings, constants. */
  readonly kept: ReadonlySet<Section>;
  /** Special table entries that go along. */
  readonly entries: readonly KeptEntries[];
  /**
   * For each post symbol that the new code refers to in the running kernel:
   * its twin in pre. A replaced function is in here if its address is taken.
   */
  readonly twins: ReadonlyMap<ElfSymbol, ElfSymbol>;
  /** The stretches of a kept section that the new code uses. */
  live(section: Section): readonly Extent[];
  /**
   * The relocations of a kept section, or those of the kept entries of a table,
   * ascending by offset. Bytes of a kept section that nothing in the new code
   * uses (other functions' data in a shared section) have none: they are dead.
   */
  relocations(section: Section): readonly ResolvedRelocation[];
  /**
   * The pre symbol of a function or variable of the post object that is in the same place of the
   * running kernel; undefined for what is only in the new code.
   */
  origin(post: ElfSymbol): ElfSymbol | undefined;
  /** Why each symbol was kept, correlated or refused; in the order of the decisions. */
  explain(symbol: string): readonly string[];
}
