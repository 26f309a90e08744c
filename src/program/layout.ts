// Offsets, sizes and flags of kmodsrc/program.h, which documents them. A test
// compiles that header and compares.

/** KSPLICE_PROGRAM_MAGIC: "KSPM" in little-endian order. */
export const MAGIC = 0x4d50534b;
/** KSPLICE_PROGRAM_VERSION */
export const VERSION = 1;

/** struct ksplice_program; each table is a pair of u32, offset and count. */
export const HEADER = {
  size: 80,
  magic: 0,
  version: 4,
  bytes: 8,
  cookie: 16,
} as const;

/** Where the header describes each table, and the size of its records. */
export const TABLES = {
  strings: { at: 24, record: 1 },
  keys: { at: 32, record: 16 },
  spans: { at: 40, record: 40 },
  items: { at: 48, record: 12 },
  variants: { at: 56, record: 12 },
  fields: { at: 64, record: 16 },
  bytes: { at: 72, record: 1 },
} as const;

export type TableName = keyof typeof TABLES;

/** In the order in which they stand in the header, and in the file. */
export const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/** Every table starts at a multiple of this. */
export const TABLE_ALIGNMENT = 8;

/** struct ksplice_key */
export const KEY = { name: 0, label: 4, flags: 8 } as const;
/** struct ksplice_span */
export const SPAN = {
  name: 0,
  label: 4,
  flags: 8,
  key: 12,
  offset: 16,
  length: 20,
  bytes: 24,
  items: 28,
  nItems: 32,
} as const;
/** struct ksplice_item */
export const ITEM = { offset: 0, length: 4, nVariants: 6, first: 8 } as const;
/** struct ksplice_variant */
export const VARIANT = { bytes: 0, fields: 4, nFields: 8 } as const;
/** struct ksplice_field */
export const FIELD = { addend: 0, key: 8, offset: 12, width: 14, flags: 15 } as const;

export const KEY_KALLSYMS = 0x1;
export const KEY_WEAK = 0x2;
export const KEY_GROUP = 0x4;

export const SPAN_SEARCH = 0x1;
export const SPAN_WEAK = 0x2;
export const SPAN_REPLACED = 0x4;

export const FIELD_PCREL = 0x1;
export const FIELD_SIGNED = 0x2;
export const FIELD_FREE = 0x4;
