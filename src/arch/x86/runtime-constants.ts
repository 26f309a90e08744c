// Constants that the kernel writes into its instructions at boot, since 6.11
// (arch/x86/include/asm/runtime-const.h): `movabs $0x0123456789abcdef, %reg` stands
// for a pointer that is in a variable, and the section runtime_ptr_VARIABLE lists
// such places. Of a module nobody fills them in, so in what becomes new code each
// of them reads the variable instead, as the kernel's own modules do:
//
//     48 b8 ef cd ab 89 67 45 23 01    movabs $0x0123456789abcdef, %rax
//     48 8b 05 00 00 00 00 0f 1f 00    mov VARIABLE(%rip), %rax; nopl (%rax)
//
// There is no room for that where the constant is a shift count (`shr $12, %reg`, runtime_shift_VARIABLE) or
// a mask (`and $0x12345678, %reg`, runtime_mask_VARIABLE). For those our core does what boot code
// does: their lists become tables of places and variables, for kmodsrc/constants.c.

import { SHF_ALLOC, SHT_PROGBITS } from '../../elf/constants.js';
import {
  type ModelRelocation,
  type ModelSection,
  type ModelSymbol,
  modelOf,
  newSection,
  newSymbol,
  type ObjectModel,
} from '../../elf/model.js';
import { ElfObject } from '../../elf/object.js';
import { CONSTANT, CONSTANTS_SECTION } from '../../elf/tables.js';
import { writeObject } from '../../elf/writer.js';
import { R_X86_64_64, R_X86_64_PC32 } from './relocations.js';

const PREFIX = 'runtime_ptr_';
const PLACEHOLDER = 0x0123456789abcdefn;
const ENTRY_SIZE = 4;
/** Bytes of a movabs before its constant: REX.W and the opcode with the register. */
const HEAD = 2;
/** Bytes of a RIP-relative mov before its displacement. */
const MOV_HEAD = 3;
const NOP3 = [0x0f, 0x1f, 0x00];

/** Operands that stay what they are until the core writes them. */
const OPERANDS = [
  { prefix: 'runtime_shift_', width: 1, isMark: isShift },
  { prefix: 'runtime_mask_', width: 4, isMark: isMask },
] as const;
const SHIFT_MARK = 12;
const MASK_MARK = 0x12345678;

/**
 * The object with its pointers read from their variables, and with tables of its other constants. One that has
 * none is returned as it is; a list of which an entry is not as expected is left as it is, and the
 * differ does not know it.
 */
export function withoutRuntimeConstants(object: ElfObject): ElfObject {
  if (!object.sections.some(({ name }) => name.startsWith('runtime_'))) return object;
  const model = modelOf(object);
  for (const list of model.sections.filter(({ name }) => name.startsWith(PREFIX))) {
    const sites = sitesOf(list);
    if (!sites.every(isMovabs)) continue;
    const variable = symbolNamed(model, list.name.slice(PREFIX.length));
    for (const site of sites) readVariable(site, variable);
    drop(model, list);
  }
  for (const { prefix, width, isMark } of OPERANDS) {
    for (const list of model.sections.filter(({ name }) => name.startsWith(prefix))) {
      if (!sitesOf(list).every(isMark)) continue;
      const variable = symbolNamed(model, list.name.slice(prefix.length));
      model.sections.push(tableOf(list, variable, width));
      drop(model, list);
    }
  }
  return new ElfObject(writeObject(model), object.name);
}

/** What a list becomes: for each place struct ksplice_constant. */
function tableOf(list: ModelSection, variable: ModelSymbol, width: number): ModelSection {
  const size = list.relocations.length * CONSTANT.size;
  const data = Buffer.alloc(size);
  const relocations = list.relocations.flatMap(({ symbol, addend }, index) => {
    const start = index * CONSTANT.size;
    data.writeUInt8(width, start + CONSTANT.width);
    return [
      { offset: start + CONSTANT.place, type: R_X86_64_64, symbol, addend },
      { offset: start + CONSTANT.variable, type: R_X86_64_64, symbol: variable, addend: 0 },
    ];
  });
  const kind = { name: CONSTANTS_SECTION, type: SHT_PROGBITS, flags: SHF_ALLOC, addralign: 8 };
  return { ...newSection(kind), data, size, relocations };
}

/** shr $12, %reg: c1 /5 ib. */
function isShift({ section, offset }: Place): boolean {
  if (!section || offset < 2 || offset + 1 > section.data.length) return false;
  const [opcode, operand, mark] = section.data.subarray(offset - 2, offset + 1);
  return opcode === 0xc1 && (operand! & 0xf8) === 0xe8 && mark === SHIFT_MARK;
}

/** and $0x12345678, %reg: 81 /4 id, or 25 id for %eax. */
function isMask({ section, offset }: Place): boolean {
  if (!section || offset < 2 || offset + 4 > section.data.length) return false;
  const [opcode, operand] = section.data.subarray(offset - 2, offset);
  const mark = Buffer.from(section.data.subarray(offset, offset + 4)).readUInt32LE();
  return (
    mark === MASK_MARK && (operand === 0x25 || (opcode === 0x81 && (operand! & 0xf8) === 0xe0))
  );
}

/** The section and offset of a constant. */
interface Place {
  readonly section: ModelSection | undefined;
  readonly offset: number;
}

function sitesOf(list: ModelSection): Place[] {
  const sites: Place[] = list.relocations.map(({ symbol, addend }) => ({
    section: symbol.section,
    offset: symbol.value + addend,
  }));
  // An entry without a relocation is none that can be read.
  const missing = list.size / ENTRY_SIZE - sites.length;
  return missing === 0 ? sites : [{ section: undefined, offset: 0 }];
}

function isMovabs({ section, offset }: Place): boolean {
  if (!section || offset < HEAD || offset + 8 > section.data.length) return false;
  const [rex, opcode] = section.data.subarray(offset - HEAD, offset);
  const constant = Buffer.from(section.data.subarray(offset, offset + 8)).readBigUInt64LE();
  return (rex! & 0xfe) === 0x48 && (opcode! & 0xf8) === 0xb8 && constant === PLACEHOLDER;
}

function readVariable({ section, offset }: Place, variable: ModelSymbol): void {
  const code = Buffer.from(section!.data);
  const start = offset - HEAD;
  // REX.B says whether the register is one of r8 to r15; in the mov that is REX.R.
  const high = code[start]! & 1;
  const register = code[start + 1]! & 7;
  const mov = [0x48 | (high << 2), 0x8b, (register << 3) | 5, 0, 0, 0, 0];
  code.set([...mov, ...NOP3], start);
  section!.data = code;
  addSorted(section!.relocations, {
    offset: start + MOV_HEAD,
    type: R_X86_64_PC32,
    symbol: variable,
    addend: -4,
  });
}

function addSorted(relocations: ModelRelocation[], added: ModelRelocation): void {
  const next = relocations.findIndex(({ offset }) => offset > added.offset);
  relocations.splice(next < 0 ? relocations.length : next, 0, added);
}

function symbolNamed({ symbols }: ObjectModel, name: string): ModelSymbol {
  const known = symbols.find((symbol) => symbol.name === name);
  if (known) return known;
  const symbol = newSymbol({ name });
  symbols.push(symbol);
  return symbol;
}

function drop(model: ObjectModel, section: ModelSection): void {
  model.sections = model.sections.filter((other) => other !== section);
  model.symbols = model.symbols.filter((symbol) => symbol.section !== section);
}
