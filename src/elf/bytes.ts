// The only place where numbers are read from foreign bytes. Every read is
// checked against the end of the buffer, every 64-bit number against the range
// in which a JavaScript number is exact; a violation is a `bad-elf` error that
// names the file, never a RangeError.

import { KspliceError } from '../base/errors.js';

/** A bounds-checked little-endian view of a file or a part of one. Nothing is copied. */
export class Bytes {
  readonly length: number;

  constructor(
    readonly data: Buffer,
    /** For messages: the file. */
    readonly origin: string,
  ) {
    this.length = data.length;
  }

  private at(offset: number, width: number): number {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + width > this.length) {
      throw badElf(this.origin, `needs ${width} bytes at offset ${offset}, has ${this.length}`);
    }
    return offset;
  }

  u8(offset: number): number {
    return this.data.readUInt8(this.at(offset, 1));
  }
  u16(offset: number): number {
    return this.data.readUInt16LE(this.at(offset, 2));
  }
  u32(offset: number): number {
    return this.data.readUInt32LE(this.at(offset, 4));
  }
  /** An unsigned 64-bit number that has to fit a JavaScript number: a size or a file offset. */
  u64(offset: number): number {
    this.at(offset, 8);
    const high = this.data.readUInt32LE(offset + 4);
    if (high > 0x1fffff) throw badElf(this.origin, `64-bit number at ${offset} is out of range`);
    return high * 0x1_0000_0000 + this.data.readUInt32LE(offset);
  }
  /** A signed 64-bit number that has to fit: a relocation addend. */
  s64(offset: number): number {
    this.at(offset, 8);
    const high = this.data.readInt32LE(offset + 4);
    if (high > 0x1fffff || high < -0x200000) {
      throw badElf(this.origin, `64-bit number at ${offset} is out of range`);
    }
    return high * 0x1_0000_0000 + this.data.readUInt32LE(offset);
  }
  /** A 64-bit number of any value: an address. */
  big(offset: number): bigint {
    return this.data.readBigUInt64LE(this.at(offset, 8));
  }
  /** A view of `length` bytes. */
  slice(offset: number, length: number): Buffer {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw badElf(this.origin, `impossible length ${length}`);
    }
    this.at(offset, length);
    return this.data.subarray(offset, offset + length);
  }
  /** The NUL-terminated string at `offset`. */
  string(offset: number): string {
    this.at(offset, 1);
    const end = this.data.indexOf(0, offset);
    if (end < 0) throw badElf(this.origin, `string at ${offset} has no end`);
    return this.data.toString('latin1', offset, end);
  }
}

/** The one error for a file that is not a well-formed ELF object. */
export function badElf(origin: string, what: string): KspliceError {
  return new KspliceError('bad-elf', `${origin}: not a usable ELF object: ${what}`, {
    advice: 'The file is damaged or was cut short; make it again.',
  });
}
