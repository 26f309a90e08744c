// An object that is still being put together: what writer.ts turns into a
// file. Parts refer to each other directly, never by index, so that sections
// and symbols can be added, dropped and reordered freely; indices, string
// tables and links come into being when the object is written.

import { KspliceError } from '../base/errors.js';
import { badElf } from './bytes.js';
import * as C from './constants.js';
import type { ElfObject, ElfSymbol, Section } from './object.js';

export interface ModelSymbol {
  name: string;
  /** STB_* */
  binding: number;
  /** STT_* */
  type: number;
  /** The defining section; undefined if `shndx` says where it is instead. */
  section: ModelSection | undefined;
  /** SHN_UNDEF, SHN_ABS, SHN_COMMON or SHN_LIVEPATCH; not looked at if there is a section. */
  shndx: number;
  value: number;
  size: number;
  /** st_other: the visibility. */
  other: number;
}

export interface ModelRelocation {
  /** In bytes from the start of the section that is relocated. */
  offset: number;
  /** R_* of the machine. */
  type: number;
  symbol: ModelSymbol;
  addend: number;
}

export interface ModelSection {
  name: string;
  type: number;
  flags: number;
  /** The contents; empty for SHT_NOBITS. */
  data: Uint8Array;
  /** In bytes; equal to data.length unless SHT_NOBITS. */
  size: number;
  addralign: number;
  entsize: number;
  /** With SHF_LINK_ORDER: the section that this one accompanies. */
  linkedTo: ModelSection | undefined;
  relocations: ModelRelocation[];
  /**
   * Relocations that the kernel's livepatch code applies when the module is
   * loaded (`.klp.rela.vmlinux.NAME`); their symbols are SHN_LIVEPATCH.
   */
  livepatchRelocations: ModelRelocation[];
}

/** A relocatable object. The null section, the null symbol and the tables for names are not in it. */
export interface ObjectModel {
  sections: ModelSection[];
  symbols: ModelSymbol[];
}

/** A section with the given parts and plain defaults for the others. */
export function newSection(
  parts: Partial<ModelSection> & Pick<ModelSection, 'name' | 'type' | 'flags'>,
): ModelSection {
  const data = parts.data ?? new Uint8Array(0);
  return {
    data,
    size: data.length,
    addralign: 1,
    entsize: 0,
    linkedTo: undefined,
    relocations: [],
    livepatchRelocations: [],
    ...parts,
  };
}

/** A symbol with the given parts; an undefined global one without a type by default. */
export function newSymbol(parts: Partial<ModelSymbol> & Pick<ModelSymbol, 'name'>): ModelSymbol {
  return {
    binding: C.STB_GLOBAL,
    type: C.STT_NOTYPE,
    section: undefined,
    shndx: C.SHN_UNDEF,
    value: 0,
    size: 0,
    other: 0,
    ...parts,
  };
}

/** A copy of a section's header and contents (a view, not a copy of the bytes), without relocations. */
export function copySection(section: Section): ModelSection {
  return newSection({
    name: section.name,
    type: section.type,
    flags: section.flags,
    data: section.data,
    size: section.size,
    addralign: section.addralign,
    entsize: section.entsize,
  });
}

/**
 * The model of an existing object, to be changed and written again.
 * @throws KspliceError `unsupported-object` if it is not relocatable, has
 *   section groups, or is a livepatch module already; `bad-elf`
 */
export function modelOf(object: ElfObject): ObjectModel {
  if (object.type !== C.ET_REL) throw unsupported(object, 'it is not relocatable');
  const symbolTable = object.sections.find((section) => section.type === C.SHT_SYMTAB);
  const sections = new Map<Section, ModelSection>();
  for (const section of object.sections) {
    if (section.type === C.SHT_GROUP) throw unsupported(object, 'it has section groups');
    if (section.flags & C.SHF_RELA_LIVEPATCH) throw unsupported(object, 'it is a livepatch module');
    if (isBookkeeping(section)) continue;
    if (!isAlignment(section.addralign)) {
      throw badElf(object.name, `${section.name} is aligned to ${section.addralign} bytes`);
    }
    sections.set(section, copySection(section));
  }
  const symbols = new Map<ElfSymbol, ModelSymbol>();
  for (const symbol of symbolTable ? object.symbols.slice(1) : []) {
    const section = symbol.section && sections.get(symbol.section);
    // A section symbol of a symbol table or the like has nothing to stand for.
    if (symbol.section && !section) continue;
    symbols.set(symbol, copySymbol(symbol, section));
  }
  const nullSymbol = newSymbol({ name: '', binding: C.STB_LOCAL });
  for (const [section, copy] of sections) {
    if (section.flags & C.SHF_LINK_ORDER) {
      copy.linkedTo = sections.get(object.sections[section.link]!);
    }
    for (const relocation of object.relocations(section)) {
      const { offset, type, addend } = relocation;
      const symbol = relocation.symbol.index === 0 ? nullSymbol : symbols.get(relocation.symbol);
      if (!symbol) throw badElf(object.name, `${section.name} refers to a symbol or string table`);
      copy.relocations.push({ offset, type, symbol, addend });
    }
  }
  return { sections: [...sections.values()], symbols: [...symbols.values()] };
}

function copySymbol(symbol: ElfSymbol, section: ModelSection | undefined): ModelSymbol {
  const { name, binding, type, shndx, value, size, other } = symbol;
  return { name, binding, type, section, shndx: section ? 0 : shndx, value, size, other };
}

/** A power of two, up to the kernel's largest page; or 0, for none. */
function isAlignment(bytes: number): boolean {
  return bytes <= 1 << 21 && (bytes & (bytes - 1)) === 0;
}

/** Sections that the writer makes anew. */
function isBookkeeping(section: Section): boolean {
  switch (section.type) {
    case C.SHT_NULL:
    case C.SHT_SYMTAB:
    case C.SHT_SYMTAB_SHNDX:
    case C.SHT_RELA:
      return true;
    case C.SHT_STRTAB:
      return !(section.flags & C.SHF_ALLOC);
    default:
      return false;
  }
}

function unsupported(object: ElfObject, why: string): KspliceError {
  return new KspliceError('unsupported-object', `${object.name}: cannot be rewritten: ${why}`, {
    advice: 'Give the object as the compiler or the kernel build made it.',
  });
}
