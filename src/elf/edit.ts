// Changes single fields of an object file in place: every offset, and all that
// is not named, stays as it was.

import { Bytes } from './bytes.js';
import type { ElfObject, ElfSymbol, Section } from './object.js';

// Elf64_Ehdr, Elf64_Shdr, Elf64_Sym
const E_SHOFF = 40;
const SHDR = { size: 64, flags: 8 } as const;
const SYM = { size: 24, shndx: 6, value: 8 } as const;

/** A copy of an object's file, to be edited. */
export class ObjectEditor {
  readonly file: Buffer;
  private readonly headers: number;

  /** @param file what `object` was made from */
  constructor(
    file: Buffer,
    private readonly object: ElfObject,
  ) {
    this.file = Buffer.from(file);
    this.headers = new Bytes(file, object.name).u64(E_SHOFF);
  }

  /** @param shndx of a symbol without a section, such as SHN_ABS */
  setSymbol(symbol: ElfSymbol, shndx: number, value: bigint): void {
    const row = this.object.symbolTable!.offset + symbol.index * SYM.size;
    this.file.writeUInt16LE(shndx, row + SYM.shndx);
    this.file.writeBigUInt64LE(value, row + SYM.value);
  }

  setFlags(section: Section, flags: number): void {
    const row = this.headers + section.index * SHDR.size;
    this.file.writeBigUInt64LE(BigInt(flags), row + SHDR.flags);
  }

  /** @param offset in the section */
  setBytes(section: Section, offset: number, bytes: Uint8Array): void {
    this.file.set(bytes, section.offset + offset);
  }
}
