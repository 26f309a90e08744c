// DWARF 5, as far as gcc writes it into an object, and clang that of version 4: http://dwarfstd.org/doc/DWARF5.pdf, section 7.

/** DW_TAG_* */
export const TAG = {
  array: 0x01,
  enumeration: 0x04,
  parameter: 0x05,
  block: 0x0b,
  pointer: 0x0f,
  unit: 0x11,
  structure: 0x13,
  prototype: 0x15,
  typedef: 0x16,
  union: 0x17,
  ellipsis: 0x18,
  member: 0x0d,
  inlined: 0x1d,
  subrange: 0x21,
  base: 0x24,
  const: 0x26,
  function: 0x2e,
  variable: 0x34,
  volatile: 0x35,
  restrict: 0x37,
} as const;

/** DW_AT_* */
export const AT = {
  location: 0x02,
  name: 0x03,
  byteSize: 0x0b,
  /** As up to DWARF 3, from the highest bit of a unit of byteSize bytes. */
  bitOffset: 0x0c,
  bitSize: 0x0d,
  lowPc: 0x11,
  constValue: 0x1c,
  inline: 0x20,
  upperBound: 0x2f,
  origin: 0x31,
  count: 0x37,
  memberLocation: 0x38,
  declaration: 0x3c,
  encoding: 0x3e,
  external: 0x3f,
  specification: 0x47,
  type: 0x49,
  ranges: 0x55,
  dataBitOffset: 0x6b,
  alignment: 0x88,
} as const;

/** What says how a type is laid out. */
export const NUMBERS: ReadonlySet<number> = new Set([
  AT.byteSize,
  AT.bitOffset,
  AT.bitSize,
  AT.constValue,
  AT.upperBound,
  AT.count,
  AT.memberLocation,
  AT.encoding,
  AT.dataBitOffset,
  AT.alignment,
]);

/** DW_FORM_* that have a length of their own, in bytes; -1: 1, 2 or 4 bytes that say how many follow. */
export const FIXED = new Map<number, number>([
  [0x01, 8], // addr
  [0x05, 2], // data2
  [0x06, 4], // data4
  [0x07, 8], // data8
  [0x0b, 1], // data1
  [0x0c, 1], // flag
  [0x0e, 4], // strp
  [0x10, 4], // ref_addr
  [0x11, 1], // ref1
  [0x12, 2], // ref2
  [0x13, 4], // ref4
  [0x14, 8], // ref8
  [0x17, 4], // sec_offset
  [0x19, 0], // flag_present
  [0x1e, 16], // data16
  [0x1f, 4], // line_strp
  [0x20, 8], // ref_sig8
  [0x21, 0], // implicit_const: in the abbreviation
  [0x25, 1], // strx1
  [0x26, 2], // strx2
  [0x28, 4], // strx4
  [0x29, 1], // addrx1
  [0x2a, 2], // addrx2
  [0x2c, 4], // addrx4
]);

/** DW_ATE_*: what the bits of a base type are. */
export const ENCODING = { float: 0x04, signed: 0x05, signedChar: 0x06 } as const;

/** DW_OP_addr: a variable is at an address, and not on a stack or in a register. */
export const OP_ADDRESS = 0x03;
/** DW_OP_piece: the bytes before, or none if nothing stands before, are a part of the variable. */
export const OP_PIECE = 0x93;

export const FORM = {
  block2: 0x03,
  block4: 0x04,
  string: 0x08,
  block: 0x09,
  block1: 0x0a,
  sdata: 0x0d,
  strp: 0x0e,
  udata: 0x0f,
  refAddr: 0x10,
  ref1: 0x11,
  ref2: 0x12,
  ref4: 0x13,
  refUdata: 0x15,
  exprloc: 0x18,
  implicitConst: 0x21,
  loclistx: 0x22,
  rnglistx: 0x23,
} as const;
