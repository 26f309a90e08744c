// A module file as memory: what the kernel's module loader would make of it
// (kernel/module/main.c and arch/x86/kernel/module.c) before anything patches
// itself. Sections get addresses in the module area, relocations are applied,
// and after that the module is read and searched like loaded code, so that one
// interpreter serves running kernels and files.
//
// The addresses are made up, but consistently: one per section, one per symbol.

import { relocationShape } from '../arch/relocations.js';
import { badImage } from '../elf/bad-image.js';
import * as C from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';
import type { Region } from './memory.js';
import { type KernelSymbol, SymbolIndex } from './symbols.js';

/** Where the next section goes. */
export interface Room {
  /** In the module area: everything but per-cpu data. */
  next: bigint;
  /** Per-cpu offsets. */
  nextPerCpu: bigint;
}

export interface VirtualModule {
  readonly name: string;
  readonly object: ElfObject;
  /** Where a section is; undefined if it is not loaded. */
  placeOf(section: Section): bigint | undefined;
  /** Sections with contents that stay in memory after the module's start. */
  readonly regions: readonly Region[];
  /** What kallsyms would have for it. */
  readonly symbols: readonly KernelSymbol[];
  readonly index: SymbolIndex;
}

const PAGE = 4096n;
const PER_CPU = '.data..percpu';

/**
 * Lays a module out.
 * @param resolve the address of a symbol that the module does not define;
 *   undefined if there is none (it is weak then, or the module unloadable)
 * @throws KspliceError `bad-image` for a file that is no module; relocations
 *   are looked at when a region's bytes are asked for, and throw then
 */
export function layOut(
  name: string,
  object: ElfObject,
  room: Room,
  resolve: (name: string, weak: boolean) => bigint | undefined,
): VirtualModule {
  if (object.type !== C.ET_REL || !object.section('.gnu.linkonce.this_module')) {
    throw badImage(object.name, 'not a kernel module');
  }
  const places = new Map<Section, bigint>();
  room.next = alignUp(room.next, PAGE);
  for (const section of object.sections) {
    if ((section.flags & C.SHF_ALLOC) !== 0) places.set(section, takeRoom(section, room, object));
  }
  const applied = new Relocations(object, places, resolve);
  const regions: Region[] = [];
  for (const [section, address] of places) {
    if (section.type === C.SHT_NOBITS || section.size === 0 || !stays(section)) continue;
    let bytes: Uint8Array | undefined;
    regions.push({
      address,
      size: section.size,
      bytes: () => {
        bytes ??= applied.relocate(section, address);
        return bytes;
      },
    });
  }
  const symbols = kallsymsOf(object, places);
  const placeOf = (section: Section) => places.get(section);
  return { name, object, placeOf, regions, symbols, index: new SymbolIndex(symbols) };
}

function takeRoom(section: Section, room: Room, object: ElfObject): bigint {
  const align = BigInt(Math.max(section.addralign, 1));
  if ((align & (align - 1n)) !== 0n || align > 1n << 20n || section.size > 1 << 30) {
    throw badImage(object.name, `section ${section.name} has an impossible size or alignment`);
  }
  if (section.name === PER_CPU) {
    const address = alignUp(room.nextPerCpu, align);
    room.nextPerCpu = address + BigInt(section.size);
    return address;
  }
  const address = alignUp(room.next, align);
  room.next = address + BigInt(section.size);
  return address;
}

function alignUp(address: bigint, align: bigint): bigint {
  return (address + align - 1n) & ~(align - 1n);
}

/** Init code and data are freed after the module's start; per-cpu templates are not where their symbols point. */
function stays(section: Section): boolean {
  return !section.name.startsWith('.init') && section.name !== PER_CPU;
}

/** is_core_symbol() in kernel/module/kallsyms.c, with CONFIG_KALLSYMS_ALL. */
function kallsymsOf(object: ElfObject, places: ReadonlyMap<Section, bigint>): KernelSymbol[] {
  const symbols: KernelSymbol[] = [];
  for (const symbol of object.symbols) {
    const { section, name } = symbol;
    if (!section || name === '' || section.name.startsWith('.init')) continue;
    const start = places.get(section);
    if (start === undefined) continue;
    symbols.push({
      name,
      type: typeLetter(symbol, section),
      address: start + BigInt(symbol.value),
    });
  }
  return symbols;
}

/** elf_type() in kernel/module/kallsyms.c; capital letters are ours, for global symbols. */
function typeLetter(symbol: ElfSymbol, section: Section): string {
  if (symbol.binding === C.STB_WEAK) return symbol.type === C.STT_OBJECT ? 'v' : 'w';
  let letter = 'r';
  if ((section.flags & C.SHF_EXECINSTR) !== 0) letter = 't';
  else if (section.type === C.SHT_NOBITS) letter = 'b';
  else if ((section.flags & C.SHF_WRITE) !== 0) letter = 'd';
  return symbol.binding === C.STB_GLOBAL ? letter.toUpperCase() : letter;
}

/** Applies relocations, one section at a time. */
class Relocations {
  constructor(
    private readonly object: ElfObject,
    private readonly places: ReadonlyMap<Section, bigint>,
    private readonly resolve: (name: string, weak: boolean) => bigint | undefined,
  ) {}

  /** apply_relocate_add(): a copy of the section with its relocations applied. */
  relocate(section: Section, address: bigint): Uint8Array {
    const bytes = Buffer.from(section.data);
    const relocations = [
      ...this.object.relocations(section),
      ...this.object.livepatchRelocations(section),
    ];
    for (const { offset, type, symbol, addend } of relocations) {
      const shape = relocationShape(type);
      if (!shape) throw this.unusable(section, offset, `relocation type ${type} is not known`);
      if (shape.width === 0) continue;
      const place = shape.pcrel ? address + BigInt(offset) : 0n;
      const value = this.valueOf(symbol) + BigInt(addend) - place;
      const bits = 8 * shape.width;
      const stored = BigInt.asUintN(bits, value);
      const back = shape.signed ? BigInt.asIntN(bits, stored) : stored;
      // A 64-bit number always fits; the address space wraps around.
      if (bits < 64 && BigInt.asUintN(64, back) !== BigInt.asUintN(64, value)) {
        throw this.unusable(
          section,
          offset,
          `${shape.name} against ${symbol.name} is out of range`,
        );
      }
      if (bits === 64) bytes.writeBigUInt64LE(stored, offset);
      else bytes.writeUIntLE(Number(stored), offset, shape.width);
    }
    return bytes;
  }

  private valueOf(symbol: ElfSymbol): bigint {
    if (symbol.section) {
      const start = this.places.get(symbol.section);
      if (start === undefined) {
        throw badImage(
          this.object.name,
          `${symbol.name} is in ${symbol.section.name}, which is never loaded`,
        );
      }
      return start + BigInt(symbol.value);
    }
    if (symbol.shndx === C.SHN_ABS) return BigInt(symbol.value);
    const weak = symbol.binding === C.STB_WEAK;
    const value = this.resolve(symbol.name, weak);
    if (value === undefined && !weak) {
      throw badImage(this.object.name, `nothing defines ${symbol.name}, which the module needs`);
    }
    return value ?? 0n;
  }

  private unusable(section: Section, offset: number, what: string): Error {
    return badImage(this.object.name, `${section.name}+0x${offset.toString(16)}: ${what}`);
  }
}
