// Writes a relocatable object from its model.
//
// What a linker and the kernel's module loader insist on is decided here:
// local symbols come before global ones (sh_info of the symbol table is the
// first global), each relocation section says which section it is for, and
// beyond 65,279 sections numbers move to where the gABI's extended numbering
// wants them. The contents are taken as they are.

import { relocations } from '../arch/relocations.js';
import * as C from './constants.js';
import type { ModelRelocation, ModelSection, ModelSymbol, ObjectModel } from './model.js';
import { StringTable } from './strtab.js';

const EHDR_SIZE = 64;
const SHDR_SIZE = 64;
const SYM_SIZE = 24;
const RELA_SIZE = 24;

/** A row of the section header table, with the contents that it points at. */
interface Row {
  name: string;
  type: number;
  flags: number;
  data: Uint8Array;
  size: number;
  link: number;
  info: number;
  addralign: number;
  entsize: number;
  /** File offset; set when the file is laid out. */
  offset: number;
}

interface Plan {
  readonly rows: Row[];
  readonly indexOf: ReadonlyMap<ModelSection, number>;
  /** Each relocation row with its relocations, filled in once symbols have numbers. */
  readonly relocationRows: { row: Row; list: readonly ModelRelocation[] }[];
}

/**
 * The bytes of an ET_REL file.
 *
 * Every symbol that a relocation names must be in `model.symbols` (an unnamed
 * undefined symbol stands for the null symbol), every section that a symbol is
 * in must be in `model.sections`; anything else is a bug of the caller.
 */
export function writeObject(model: ObjectModel): Buffer {
  const plan = planSections(model);
  const symbols = orderSymbols(model.symbols);
  const numbers = new Map(symbols.map((symbol, index) => [symbol, index + 1]));
  for (const { row, list } of plan.relocationRows) setData(row, encodeRelocations(list, numbers));
  addSymbolTable(plan, symbols);
  return assemble(plan.rows);
}

function planSections(model: ObjectModel): Plan {
  const rows: Row[] = [emptyRow()];
  const indexOf = new Map<ModelSection, number>();
  const relocationRows: Plan['relocationRows'] = [];
  for (const section of model.sections) {
    indexOf.set(section, rows.length);
    const { name, type, flags, data, size, addralign, entsize } = section;
    const row = { ...emptyRow(), name, type, flags, data, size, addralign, entsize };
    rows.push(row);
    const info = rows.length - 1;
    const add = (rowName: string, rowFlags: number, list: readonly ModelRelocation[]) => {
      if (list.length === 0) return;
      const relocationRow = {
        ...emptyRow(),
        name: rowName,
        type: C.SHT_RELA,
        flags: rowFlags,
        info,
      };
      relocationRow.addralign = 8;
      relocationRow.entsize = RELA_SIZE;
      rows.push(relocationRow);
      relocationRows.push({ row: relocationRow, list });
    };
    add(`.rela${name}`, C.SHF_INFO_LINK, section.relocations);
    add(
      `.klp.rela.vmlinux.${name}`,
      C.SHF_ALLOC | C.SHF_INFO_LINK | C.SHF_RELA_LIVEPATCH,
      section.livepatchRelocations,
    );
  }
  for (const section of model.sections) {
    if (section.linkedTo) rows[indexOf.get(section)!]!.link = mustFind(indexOf, section.linkedTo);
  }
  return { rows, indexOf, relocationRows };
}

/** Locals first, else in the given order. */
function orderSymbols(symbols: readonly ModelSymbol[]): ModelSymbol[] {
  const local = (symbol: ModelSymbol) => symbol.binding === C.STB_LOCAL;
  return [...symbols.filter(local), ...symbols.filter((symbol) => !local(symbol))];
}

function encodeRelocations(
  list: readonly ModelRelocation[],
  numbers: ReadonlyMap<ModelSymbol, number>,
): Buffer {
  const data = Buffer.alloc(list.length * RELA_SIZE);
  list.forEach((relocation, index) => {
    const at = index * RELA_SIZE;
    const { symbol } = relocation;
    const number = isNullSymbol(symbol) ? 0 : mustFind(numbers, symbol);
    data.writeBigUInt64LE(BigInt(relocation.offset), at);
    data.writeUInt32LE(relocation.type, at + 8);
    data.writeUInt32LE(number, at + 12);
    data.writeBigInt64LE(BigInt(relocation.addend), at + 16);
  });
  return data;
}

function isNullSymbol(symbol: ModelSymbol): boolean {
  return symbol.name === '' && !symbol.section && symbol.shndx === C.SHN_UNDEF;
}

function addSymbolTable(plan: Plan, symbols: readonly ModelSymbol[]): void {
  const { rows, indexOf, relocationRows } = plan;
  const names = new StringTable();
  const table = Buffer.alloc((symbols.length + 1) * SYM_SIZE);
  const wide = Buffer.alloc((symbols.length + 1) * 4);
  let needsWide = false;
  symbols.forEach((symbol, index) => {
    const at = (index + 1) * SYM_SIZE;
    let shndx = symbol.section ? mustFind(indexOf, symbol.section) : symbol.shndx;
    if (symbol.section && shndx >= C.SHN_LORESERVE) {
      wide.writeUInt32LE(shndx, (index + 1) * 4);
      shndx = C.SHN_XINDEX;
      needsWide = true;
    }
    table.writeUInt32LE(names.add(symbol.name), at);
    table.writeUInt8((symbol.binding << 4) | symbol.type, at + 4);
    table.writeUInt8(symbol.other, at + 5);
    table.writeUInt16LE(shndx, at + 6);
    table.writeBigUInt64LE(BigInt(symbol.value), at + 8);
    table.writeBigUInt64LE(BigInt(symbol.size), at + 16);
  });
  const firstGlobal = symbols.findIndex((symbol) => symbol.binding !== C.STB_LOCAL);
  const tableIndex = rows.length;
  const tableRow = tableOf('.symtab', C.SHT_SYMTAB, table, 8, SYM_SIZE);
  tableRow.info = (firstGlobal < 0 ? symbols.length : firstGlobal) + 1;
  rows.push(tableRow);
  if (needsWide) {
    const wideRow = tableOf('.symtab_shndx', C.SHT_SYMTAB_SHNDX, wide, 4, 4);
    wideRow.link = tableIndex;
    rows.push(wideRow);
  }
  tableRow.link = rows.length;
  rows.push(tableOf('.strtab', C.SHT_STRTAB, names.toBuffer(), 1, 0));
  for (const { row } of relocationRows) row.link = tableIndex;
}

function assemble(rows: Row[]): Buffer {
  const names = new StringTable();
  const namesIndex = rows.length;
  const namesRow = tableOf('.shstrtab', C.SHT_STRTAB, new Uint8Array(0), 1, 0);
  rows.push(namesRow);
  const nameOffsets = rows.map((row) => names.add(row.name));
  setData(namesRow, names.toBuffer());

  let end = EHDR_SIZE;
  for (const row of rows.slice(1)) {
    row.offset = alignUp(end, row.addralign);
    if (row.type !== C.SHT_NOBITS) end = row.offset + row.data.length;
  }
  const tableOffset = alignUp(end, 8);
  extendNumbering(rows, namesIndex);

  const file = Buffer.alloc(tableOffset + rows.length * SHDR_SIZE);
  writeHeader(file, tableOffset, rows.length, namesIndex);
  rows.forEach((row, index) => {
    file.set(row.data, row.offset);
    writeRow(file, tableOffset + index * SHDR_SIZE, row, nameOffsets[index]!);
  });
  return file;
}

/** gABI, "Section header table entry: index 0": numbers that the file header has no room for. */
function extendNumbering(rows: readonly Row[], namesIndex: number): void {
  const first = rows[0]!;
  if (rows.length >= C.SHN_LORESERVE) first.size = rows.length;
  if (namesIndex >= C.SHN_LORESERVE) first.link = namesIndex;
}

function writeHeader(file: Buffer, tableOffset: number, count: number, namesIndex: number): void {
  // Magic, 64-bit, little-endian, version 1, System V.
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  file.writeUInt16LE(C.ET_REL, 16);
  file.writeUInt16LE(relocations.machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(tableOffset), 40);
  file.writeUInt16LE(EHDR_SIZE, 52);
  file.writeUInt16LE(SHDR_SIZE, 58);
  file.writeUInt16LE(count >= C.SHN_LORESERVE ? 0 : count, 60);
  file.writeUInt16LE(namesIndex >= C.SHN_LORESERVE ? C.SHN_XINDEX : namesIndex, 62);
}

function writeRow(file: Buffer, at: number, row: Row, nameOffset: number): void {
  file.writeUInt32LE(nameOffset, at);
  file.writeUInt32LE(row.type, at + 4);
  file.writeBigUInt64LE(BigInt(row.flags), at + 8);
  file.writeBigUInt64LE(BigInt(row.offset), at + 24);
  file.writeBigUInt64LE(BigInt(row.size), at + 32);
  file.writeUInt32LE(row.link, at + 40);
  file.writeUInt32LE(row.info, at + 44);
  file.writeBigUInt64LE(BigInt(row.addralign), at + 48);
  file.writeBigUInt64LE(BigInt(row.entsize), at + 56);
}

function tableOf(
  name: string,
  type: number,
  data: Uint8Array,
  addralign: number,
  entsize: number,
): Row {
  return { ...emptyRow(), name, type, data, size: data.length, addralign, entsize };
}

function emptyRow(): Row {
  return {
    name: '',
    type: C.SHT_NULL,
    flags: 0,
    data: new Uint8Array(0),
    size: 0,
    link: 0,
    info: 0,
    addralign: 0,
    entsize: 0,
    offset: 0,
  };
}

function setData(row: Row, data: Uint8Array): void {
  row.data = data;
  row.size = data.length;
}

function alignUp(value: number, alignment: number): number {
  return alignment > 1 ? Math.ceil(value / alignment) * alignment : value;
}

function mustFind<K>(map: ReadonlyMap<K, number>, key: K): number {
  const index = map.get(key);
  if (index === undefined) throw new Error('the model refers to a part that is not in it');
  return index;
}
