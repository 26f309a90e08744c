// How the structures of kmodsrc/ksplice.h lie in a new-code module; a test
// compiles that header and compares. Sizes and offsets in bytes.

/** struct ksplice_new_code */
export const NEW_CODE = {
  size: 136,
  target: 8,
  cookie: 16,
  changes: 40,
  nChanges: 48,
  refs: 56,
  nRefs: 64,
  bases: 72,
  nBases: 80,
  hooks: 88,
  nHooks: 96,
  sealed: 104,
  nSealed: 112,
  constants: 120,
  nConstants: 128,
} as const;
/** Where `sealed` points to: entries that were in `__jump_table`. */
export const SEALED_SECTION = '.ksplice.sealed';
/** struct ksplice_base */
export const BASE = { size: 24, id: 0, target: 8, cookie: 16 } as const;
/** struct ksplice_hook */
export const HOOK = { size: 16, kind: 0, fn: 8 } as const;
/** struct ksplice_change */
export const CHANGE = { size: 16, span: 0, flags: 4, newAddr: 8 } as const;
/** KSPLICE_CHANGE_DATA */
export const CHANGE_DATA = 0x1;
/** struct ksplice_ref */
export const REF = { size: 24, place: 0, addend: 8, key: 16, width: 20, flags: 21 } as const;
