// What the differ finds between a pre and a post object, both compiled with
// -ffunction-sections -fdata-sections.

import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';

/** Why a change cannot be made on a running kernel. */
export interface Refusal {
  /** Stable, for scripts: "data-changed", "unknown-section", … */
  readonly code: string;
  /** The object file, as the caller named it. */
  readonly object: string;
  /** Symbol or section, with +0xoffset where that says more. */
  readonly symbol: string;
  readonly message: string;
  readonly advice: string;
}

export interface ChangedNames {
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** A function whose code differs and that is therefore replaced. */
export interface ChangedFunction {
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
  readonly replaced: readonly ChangedFunction[];
  /** Post sections that go into the new code as they are: code, new data, strings, constants. */
  readonly kept: ReadonlySet<Section>;
  /** Special table entries that go along. */
  readonly entries: readonly KeptEntries[];
  /**
   * For each post symbol (function or object, not in a kept section) that
   * kept code refers to: its twin in pre, which is in the running kernel.
   */
  readonly twins: ReadonlyMap<ElfSymbol, ElfSymbol>;
  /** Why each symbol was kept, correlated or refused; in the order of the decisions. */
  explain(symbol: string): readonly string[];
}
