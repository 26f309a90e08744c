// A symbol of the running kernel that new code asks for, and the refusals that
// both kinds of symbol tables give.

import { STT_FUNC, STT_OBJECT } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import type { Resolution } from './extraction.js';

/** Where a symbol of that description is, in vmlinux or in the module. */
export interface Wanted {
  readonly name: string;
  readonly local: boolean;
  /** STT_*; STT_NOTYPE fits all. */
  readonly type: number;
  /** The changed object that defines it, with its symbol there; none for another object's. */
  readonly home?: { readonly object: ElfObject; readonly symbol: ElfSymbol } | undefined;
  /** The old code refers to it as well, although it is gone after boot. */
  readonly mayBeInit?: boolean;
  /** Its run-time address according to run-pre matching. */
  readonly address: bigint | undefined;
}

/** The refusal for a name that nothing makes unique. */
export function ambiguous(count: number, where: string): Resolution {
  return {
    kind: 'unresolved',
    why: `${where} has ${count} symbols of that name, and nothing shows which one is meant`,
    advice: 'Give the kernel image in the configuration: matching it shows which symbol is used.',
  };
}

/** The refusal for a symbol that matching found where the symbol table has none of the name. */
export function elsewhere(address: bigint): Resolution {
  return {
    kind: 'unresolved',
    why: `matching found it at 0x${address.toString(16)}, where no symbol of that name is`,
    advice: 'The kernel image and the symbol table of the configuration do not belong together.',
  };
}

/** The refusal for code and data that are gone after boot or loading. */
export function initOnly(where: string): Resolution {
  return {
    kind: 'unresolved',
    why: `it is init code or data of ${where}, which is freed after use`,
    advice: 'New code must not use it; move the needed code or data out of __init.',
  };
}

/** Whether a symbol's type rules it out for what is wanted. */
export function typeFits(wanted: number, isFunction: boolean): boolean {
  if (wanted === STT_FUNC) return isFunction;
  return wanted !== STT_OBJECT || !isFunction;
}
