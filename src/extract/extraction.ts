// The input and the result of extraction.

import type { Homes } from '../diff/homes.js';
import type { HookKind } from '../diff/hooks.js';
import type { ObjectDiff } from '../diff/object-diff.js';
import type { ElfSymbol } from '../elf/object.js';
import type { KlpBinding } from '../module/livepatch.js';

/** Whether a variable is read-only since the init of what it is in; undefined if it is not. */
export type Sealed = true | 'unknown' | undefined;

/** What new code elsewhere has under a name. */
export type Added = 'function' | 'data';

/** How new code gets at a symbol that is not part of it. */
export type Resolution =
  /** Exported: an ordinary undefined symbol, which modversions checks. */
  | { readonly kind: 'exported'; readonly namespace: string; readonly sealed?: Sealed }
  /** Not exported: found by name and position when the module is loaded. */
  | {
      readonly kind: 'klp';
      readonly object: string;
      readonly name: string;
      readonly position: number;
      /** Symbols of init code of that name come before it: until those are gone, it is at another position. */
      readonly behindInit?: boolean | undefined;
      readonly sealed?: Sealed;
      /** Of new code, of an update below or of another target: it goes when that is unloaded. */
      readonly added?: Added | undefined;
    }
  /** An undefined weak symbol that nothing defines: its value is 0. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unresolved'; readonly why: string; readonly advice: string };

/** Knows the symbols of the running kernel, as far as its files tell. */
export interface SymbolResolver {
  /**
   * A symbol that a changed object leaves undefined.
   * @param label the object file
   */
  external(label: string, symbol: ElfSymbol): Resolution;
  /** A symbol that the pre object defines. */
  own(label: string, symbol: ElfSymbol): Resolution;
}

export interface ChangedObject {
  /** The object file, as the match program calls it: "net/sctp/input.o". */
  readonly label: string;
  readonly diff: ObjectDiff;
  /** Where the pre object's symbols are, if updates are applied that this one is on. */
  readonly homes?: Homes | undefined;
}

/** The part of the match program's maker that extraction needs: where things are in the program. */
export interface ProgramIndex {
  spanOf(label: string, name: string): number | undefined;
  /** The value of a symbol is that of the key, plus the offset. */
  keyOf(label: string, symbolName: string): { key: number; offset: number } | undefined;
}

/** A replaced function, the cold part of one, or read-only data that is written over. */
export interface Change {
  readonly label: string;
  /** The function's name in the pre object. */
  readonly name: string;
  /** Index of its span in the match program. */
  readonly span: number;
  /** Global symbol of its new code or content; '' for a cold part, which is only kept off the stacks. */
  readonly symbol: string;
  readonly isData: boolean;
}

/** A place in the new code that holds a key's value: see struct ksplice_ref. */
export interface Ref {
  /** Global symbol in the new code, and the place's distance from it in bytes. */
  readonly symbol: string;
  readonly offset: number;
  readonly width: 4 | 8;
  readonly pcrel: boolean;
  readonly signed: boolean;
  /** value of the key = number at the place - addend (+ the place's address if pcrel) */
  readonly addend: number;
  readonly key: number;
}

/** A function that the core calls. */
export interface CalledHook {
  readonly kind: HookKind;
  /** Global symbol of the function in the new code. */
  readonly symbol: string;
}

/** Branches of the new code that the module loader must not see: see sealed.ts. */
export interface SealedBranches {
  /** Undefined symbols of the new code. */
  readonly keys: readonly string[];
  /** How many entries there are for them. */
  readonly count: number;
}

/** The new code of one target. */
export interface NewCode {
  /** A relocatable object, for kbuild to link into the new-code module. */
  readonly object: Buffer;
  /** Its undefined symbols that kbuild and modversions resolve. */
  readonly exported: readonly string[];
  /** Its undefined symbols that convertToLivepatch has to mark in the finished module. */
  readonly bindings: readonly KlpBinding[];
  readonly changes: readonly Change[];
  readonly refs: readonly Ref[];
  readonly hooks: readonly CalledHook[];
  readonly sealed: SealedBranches;
  /** The table of operands that the core fills in (diff/runtime-constants.ts), if there are any. */
  readonly constants?: { readonly symbol: string; readonly count: number } | undefined;
  /** Symbol namespaces that the module has to import. */
  readonly namespaces: readonly string[];
}
