// A relocatable object (or an executable's sections) as typed values.
//
// elfy reads the file header and each section header's place; what it reads at
// the wrong offset (alignment, entry size), and all it does not know (extended
// section numbering, symbols, relocations), is read here. Symbols and
// relocations are decoded when first asked for, section by section, so that
// debug sections cost nothing.

import elfy from 'elfy';
import { relocationShape, relocations } from '../arch/relocations.js';
import { KspliceError } from '../base/errors.js';
import { Bytes, badElf } from './bytes.js';
import * as C from './constants.js';

export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Virtual address; 0 in relocatable objects. */
  readonly addr: bigint;
  /** Place and length in the file; for SHT_NOBITS the length in memory. */
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly addralign: number;
  readonly entsize: number;
  /** The contents, a view of the file; empty for SHT_NOBITS. */
  readonly data: Buffer;
}

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** STB_* */
  readonly binding: number;
  /** STT_* */
  readonly type: number;
  /** The defining section, undefined if there is none (see shndx). */
  readonly section: Section | undefined;
  /** The section's index, or SHN_UNDEF, SHN_ABS, SHN_COMMON, SHN_LIVEPATCH. */
  readonly shndx: number;
  /** Offset in the section; an absolute symbol's value if it is a safe integer, else 0. */
  readonly value: number;
  /** In bytes. */
  readonly size: number;
  readonly other: number;
}

export interface Relocation {
  /** In bytes from the start of the section that is relocated. */
  readonly offset: number;
  /** R_* of the machine. */
  readonly type: number;
  readonly symbol: ElfSymbol;
  readonly addend: number;
}

const EHDR_SIZE = 64;
const SHDR_SIZE = 64;
const SYM_SIZE = 24;
const RELA_SIZE = 24;

/** A parsed object; all parts are views of the one buffer it was made from. */
export class ElfObject {
  readonly sections: readonly Section[];
  /** ET_* */
  readonly type: number;
  private readonly bytes: Bytes;
  private symbolCache: readonly ElfSymbol[] | undefined;
  private readonly relocationCache = new Map<number, readonly Relocation[]>();
  private readonly relaOf = new Map<number, Section>();
  private readonly livepatchRelaOf = new Map<number, Section[]>();
  private byName: Map<string, Section[]> | undefined;

  /**
   * @param data the whole file
   * @param name for messages
   * @throws KspliceError `bad-elf` if it is malformed, of another class,
   *   byte order or machine, `unsupported-object` if it holds no machine code
   */
  constructor(
    data: Buffer,
    readonly name: string,
  ) {
    this.bytes = new Bytes(data, name);
    const header = readHeader(this.bytes);
    this.type = header.type;
    this.sections = readSections(this.bytes, header);
    for (const section of this.sections) {
      if (section.type === C.SHT_REL) throw badElf(name, 'has relocations without addends');
      if (section.type !== C.SHT_RELA) continue;
      if ((section.flags & C.SHF_RELA_LIVEPATCH) === 0) {
        this.relaOf.set(section.info, section);
      } else {
        const lists = this.livepatchRelaOf.get(section.info) ?? [];
        this.livepatchRelaOf.set(section.info, [...lists, section]);
      }
    }
  }

  /** The first section of that name. */
  section(name: string): Section | undefined {
    return this.sectionsNamed(name)[0];
  }

  /** All sections of that name, in order. */
  sectionsNamed(name: string): readonly Section[] {
    if (!this.byName) {
      this.byName = new Map();
      for (const section of this.sections) {
        const list = this.byName.get(section.name);
        if (list) list.push(section);
        else this.byName.set(section.name, [section]);
      }
    }
    return this.byName.get(name) ?? [];
  }

  /** The section that `symbols` are in. */
  get symbolTable(): Section | undefined {
    return this.sections.find((section) => section.type === C.SHT_SYMTAB);
  }

  /** The symbol table in file order, the null symbol included. */
  get symbols(): readonly ElfSymbol[] {
    this.symbolCache ??= readSymbols(this.bytes, this.sections, this.symbolTable);
    return this.symbolCache;
  }

  /** The further relocations of a livepatch module's section, which the kernel resolves by name. */
  livepatchRelocations(section: Section): readonly Relocation[] {
    const lists = this.livepatchRelaOf.get(section.index) ?? [];
    return lists.flatMap((rela) => readRelocations(this.name, rela, section, this.symbols));
  }

  /**
   * The relocations of a section, sorted by offset; none if it has none.
   * Those of livepatch modules are apart.
   */
  relocations(section: Section): readonly Relocation[] {
    let list = this.relocationCache.get(section.index);
    if (!list) {
      const rela = this.relaOf.get(section.index);
      list = rela ? readRelocations(this.name, rela, section, this.symbols) : [];
      this.relocationCache.set(section.index, list);
    }
    return list;
  }
}

interface Header {
  type: number;
  shoff: number;
  shnum: number;
  shstrndx: number;
}

/** 'BC' 0xC0DE, alone or in a wrapper. */
const BITCODE = [0xdec04342, 0x0b17c0de];

function readHeader(bytes: Bytes): Header {
  if (bytes.length >= 4 && BITCODE.includes(bytes.u32(0))) {
    throw new KspliceError(
      'unsupported-object',
      `${bytes.origin} is LLVM bitcode, from which clang makes code when everything is linked`,
      { advice: 'Only kernels compiled by gcc, object by object, can be patched.' },
    );
  }
  if (bytes.length < EHDR_SIZE || bytes.u32(0) !== 0x464c457f) {
    throw badElf(bytes.origin, 'no ELF header');
  }
  if (bytes.u8(4) !== 2 || bytes.u8(5) !== 1) {
    throw badElf(bytes.origin, 'not a 64-bit little-endian object');
  }
  const machine = bytes.u16(18);
  if (machine !== relocations.machine)
    throw badElf(bytes.origin, `made for machine ${machine}, not ${relocations.label}`);
  const shoff = bytes.u64(40);
  const parsed = new elfy.Parser().parseHeader(bytes.data);
  if (shoff === 0) throw badElf(bytes.origin, 'no section headers');
  if (parsed.shentsize !== SHDR_SIZE) throw badElf(bytes.origin, 'odd section header size');
  // Over 65,279 sections: the count and the name table's index are in section 0.
  const shnum = parsed.shnum === 0 ? bytes.u64(shoff + 32) : parsed.shnum;
  const shstrndx = parsed.shstrndx === C.SHN_XINDEX ? bytes.u32(shoff + 40) : parsed.shstrndx;
  if (shnum * SHDR_SIZE > bytes.length) throw badElf(bytes.origin, `${shnum} sections do not fit`);
  return { type: bytes.u16(16), shoff, shnum, shstrndx };
}

function readSections(bytes: Bytes, header: Header): Section[] {
  const { shoff, shnum, shstrndx } = header;
  if (shstrndx >= shnum) throw badElf(bytes.origin, 'section name table is missing');
  const nameTable = shoff + shstrndx * SHDR_SIZE;
  const names = new Bytes(
    bytes.slice(bytes.u64(nameTable + 24), bytes.u64(nameTable + 32)),
    bytes.origin,
  );
  const sections: Section[] = [];
  for (let index = 0; index < shnum; index++) {
    const at = shoff + index * SHDR_SIZE;
    const type = bytes.u32(at + 4);
    const offset = bytes.u64(at + 24);
    const size = bytes.u64(at + 32);
    const empty = type === C.SHT_NOBITS || type === C.SHT_NULL;
    sections.push({
      index,
      name: type === C.SHT_NULL ? '' : names.string(bytes.u32(at)),
      type,
      flags: bytes.u64(at + 8),
      addr: bytes.big(at + 16),
      offset,
      size,
      link: bytes.u32(at + 40),
      info: bytes.u32(at + 44),
      addralign: bytes.u64(at + 48),
      entsize: bytes.u64(at + 56),
      data: empty ? bytes.slice(0, 0) : bytes.slice(offset, size),
    });
  }
  return sections;
}

function readSymbols(
  bytes: Bytes,
  sections: readonly Section[],
  table: Section | undefined,
): ElfSymbol[] {
  if (!table) return [];
  const strings = sections[table.link];
  if (!strings || strings.type !== C.SHT_STRTAB) throw badElf(bytes.origin, 'no symbol names');
  const names = new Bytes(strings.data, bytes.origin);
  const rows = new Bytes(table.data, bytes.origin);
  const extended = sections.find(
    (section) => section.type === C.SHT_SYMTAB_SHNDX && section.link === table.index,
  );
  const wide = extended && new Bytes(extended.data, bytes.origin);
  const symbols: ElfSymbol[] = [];
  for (let index = 0; index < Math.floor(rows.length / SYM_SIZE); index++) {
    const at = index * SYM_SIZE;
    const info = rows.u8(at + 4);
    let shndx = rows.u16(at + 6);
    let section: Section | undefined;
    if (shndx === C.SHN_XINDEX && wide) {
      shndx = wide.u32(index * 4);
      section = sections[shndx];
      if (!section) throw badElf(bytes.origin, `symbol ${index} is in section ${shndx}`);
    } else if (shndx !== C.SHN_UNDEF && shndx < C.SHN_LORESERVE) {
      section = sections[shndx];
      if (!section) throw badElf(bytes.origin, `symbol ${index} is in section ${shndx}`);
    }
    symbols.push({
      index,
      name: names.string(rows.u32(at)),
      binding: info >> 4,
      type: info & 0xf,
      other: rows.u8(at + 5),
      section,
      shndx,
      value: section ? rows.u64(at + 8) : absoluteValue(rows, at + 8),
      size: rows.u64(at + 16),
    });
  }
  return symbols;
}

function absoluteValue(rows: Bytes, offset: number): number {
  const value = rows.big(offset);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : 0;
}

function readRelocations(
  origin: string,
  rela: Section,
  section: Section,
  symbols: readonly ElfSymbol[],
): Relocation[] {
  const rows = new Bytes(rela.data, origin);
  const list: Relocation[] = [];
  let sorted = true;
  let last = -1;
  for (let at = 0; at + RELA_SIZE <= rows.length; at += RELA_SIZE) {
    const offset = rows.u64(at);
    const type = rows.u32(at + 8);
    const symbol = symbols[rows.u32(at + 12)];
    const width = relocationShape(type)?.width ?? 0;
    if (!symbol) throw badElf(origin, `relocation in ${section.name} names no symbol`);
    if (offset + width > section.size) {
      throw badElf(origin, `relocation at ${section.name}+0x${offset.toString(16)} is outside`);
    }
    sorted &&= offset >= last;
    last = offset;
    list.push({ offset, type, symbol, addend: rows.s64(at + 16) });
  }
  return sorted ? list : list.sort((a, b) => a.offset - b.offset);
}
