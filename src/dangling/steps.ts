// What each instruction does with values that are in registers: it hands them to other
// registers, stores them, loads through them, leaves the function with them.

import { loadDecoder } from '../diff/instructions.js';
import type { Section } from '../elf/object.js';

type Iced = typeof import('iced-x86');
type Instruction = InstanceType<Iced['Instruction']>;
type Info = InstanceType<Iced['InstructionInfo']>;

/** A set of the sixteen general registers: bit n is the one that the processor gives the number n. */
export type Registers = number;

export const RAX: Registers = 1 << 0;
export const RCX: Registers = 1 << 1;
export const RDX: Registers = 1 << 2;
const RBX: Registers = 1 << 3;
const RSP: Registers = 1 << 4;
export const RSI: Registers = 1 << 6;
export const RDI: Registers = 1 << 7;
export const R8: Registers = 1 << 8;
export const R9: Registers = 1 << 9;
/** rdi, rsi, rdx, rcx, r8, r9 (System V ABI for x86-64, 3.2.3). */
export const ARGUMENTS: Registers = RDI | RSI | RDX | RCX | R8 | R9;
/** What a called function may leave something else in. */
export const CLOBBERED: Registers = ARGUMENTS | RAX | (1 << 10) | (1 << 11);

export type Flow = 'next' | 'jump' | 'branch' | 'call' | 'return' | 'stop' | 'unknown';

/** One instruction, as far as values in registers go. Offsets are in bytes from the section's start. */
export interface Step {
  readonly start: number;
  readonly end: number;
  readonly flow: Flow;
  /** Where a branch or call leads by its own number; a relocation says better. */
  readonly target: number;
  /** Through a register or memory. */
  readonly isIndirect: boolean;
  /** Where its operand in memory is by its own number, if that is relative to the instruction. */
  readonly near: number | undefined;
  /** Where the fields are that may be relocated. */
  readonly displacement: number | undefined;
  readonly immediate: number | undefined;
  readonly isLea: boolean;
  /** Registers that are operands and read; of `lea`, those that it computes with. */
  readonly read: Registers;
  /** Registers that an operand in memory is addressed with. */
  readonly address: Registers;
  readonly written: Registers;
  /** What it moves to registers of another kind, in which it is not followed. */
  readonly hides: Registers;
  /** Whether what it reads, whole pointers, is still to be told in what it writes. */
  readonly passesOn: boolean;
  readonly loads: boolean;
  readonly stores: boolean;
  /** Copies from where rsi leads to. */
  readonly copies: boolean;
  /** Its operand in memory is in the function's frame. */
  readonly isFrame: boolean;
}

/**
 * All instructions of a section, by their first byte.
 * @param code with machine code from its first byte on
 */
export function stepsOf(code: Section): ReadonlyMap<number, Step> {
  const iced = loadDecoder();
  const decoder = new iced.Decoder(64, code.data, iced.DecoderOptions.None);
  // Not 0: a branch backwards out of the section must not wrap around.
  const base = 0x10000000;
  decoder.ip = BigInt(base);
  const instruction = new iced.Instruction();
  const factory = new iced.InstructionInfoFactory();
  const steps = new Map<number, Step>();
  try {
    while (decoder.canDecode) {
      const start = decoder.position;
      decoder.decodeOut(instruction);
      const fields = decoder.getConstantOffsets(instruction);
      const { hasDisplacement, displacementOffset, hasImmediate, immediateOffset } = fields;
      fields.free();
      const info = factory.info(instruction);
      steps.set(start, {
        start,
        end: decoder.position,
        displacement: hasDisplacement ? start + displacementOffset : undefined,
        immediate: hasImmediate ? start + immediateOffset : undefined,
        target: Number(instruction.nearBranchTarget) - base,
        near: instruction.isIpRelMemoryOperand
          ? Number(instruction.ipRelMemoryAddress) - base
          : undefined,
        ...flowOf(iced, instruction),
        ...valuesOf(iced, instruction, info),
      });
      info.free();
    }
  } finally {
    factory.free();
    instruction.free();
    decoder.free();
  }
  return steps;
}

function flowOf({ FlowControl }: Iced, { flowControl, isInvalid }: Instruction) {
  const direct = (flow: Flow) => ({ flow, isIndirect: false });
  if (isInvalid) return direct('unknown');
  switch (flowControl) {
    case FlowControl.UnconditionalBranch:
      return direct('jump');
    case FlowControl.ConditionalBranch:
      return direct('branch');
    case FlowControl.Call:
      return direct('call');
    case FlowControl.IndirectCall:
      return { flow: 'call' as const, isIndirect: true };
    case FlowControl.IndirectBranch:
      return { flow: 'jump' as const, isIndirect: true };
    case FlowControl.Return:
      return direct('return');
    case FlowControl.Exception:
    // int3, where nobody comes.
    case FlowControl.Interrupt:
      return direct('stop');
    default:
      return direct('next');
  }
}

function valuesOf(lib: Iced, instruction: Instruction, info: Info) {
  const { Mnemonic } = lib;
  const isLea = instruction.mnemonic === Mnemonic.Lea;
  const memory = memoryOf(lib, info);
  const operands = operandsOf(lib, instruction, info);
  const parts = isLea
    ? bit(lib, instruction.memoryBase) | bit(lib, instruction.memoryIndex)
    : memory.address;
  let written = 0;
  let hides = 0;
  for (const used of info.usedRegisters()) {
    if (writes(lib, used.access)) {
      const own = bit(lib, used.register);
      written |= own;
      if (own === 0) hides = operands.read;
    }
    used.free();
  }
  const isWhole = operands.isWhole || lib.MemorySizeExt.size(instruction.memorySize) === 8;
  const passesOn = isWhole && isMove(lib, instruction.mnemonic);
  return {
    isLea,
    read: isLea ? parts : operands.read,
    address: parts & ~RSP,
    written: written & ~RSP,
    hides,
    passesOn,
    loads: passesOn && !isLea && memory.reads,
    stores: memory.writes,
    copies: instruction.isStringInstruction && memory.reads && memory.writes,
    isFrame: (parts & RSP) !== 0,
  };
}

function memoryOf(lib: Iced, info: Info) {
  const found = { address: 0, reads: false, writes: false };
  for (const memory of info.usedMemory()) {
    found.address |= bit(lib, memory.base) | bit(lib, memory.index);
    found.reads ||= reads(lib, memory.access);
    found.writes ||= writes(lib, memory.access);
    memory.free();
  }
  return found;
}

function operandsOf(lib: Iced, instruction: Instruction, info: Info) {
  const found = { read: 0, isWhole: false };
  // It stores what no operand of it names.
  if (instruction.mnemonic === lib.Mnemonic.Cmpxchg16b) found.read = RBX | RCX;
  for (let operand = 0; operand < instruction.opCount; operand++) {
    if (instruction.opKind(operand) !== lib.OpKind.Register) continue;
    const register = instruction.opRegister(operand);
    found.isWhole ||= lib.RegisterExt.isGPR64(register);
    // What is written on a condition may stay what it was.
    const access = info.opAccess(operand);
    const mayStay = access === lib.OpAccess.CondWrite;
    if (mayStay || reads(lib, access)) found.read |= bit(lib, register);
  }
  return found;
}

/** Instructions behind which a pointer that they were given is a pointer still. */
function isMove({ Mnemonic }: Iced, mnemonic: number): boolean {
  const { Mov, Lea, Add, Sub, And, Or, Xchg, Push, Pop, Cmova, Cmovs, Cmpxchg, Xadd } = Mnemonic;
  // The conditional moves stand side by side, in the order of the alphabet.
  if (mnemonic >= Cmova && mnemonic <= Cmovs) return true;
  return [Mov, Lea, Add, Sub, And, Or, Xchg, Push, Pop, Cmpxchg, Xadd].includes(mnemonic);
}

function bit({ RegisterExt }: Iced, register: number): Registers {
  return RegisterExt.isGPR(register)
    ? 1 << RegisterExt.number(RegisterExt.fullRegister(register))
    : 0;
}

function reads({ OpAccess }: Iced, access: number): boolean {
  const { Read, CondRead, ReadWrite, ReadCondWrite } = OpAccess;
  return [Read, CondRead, ReadWrite, ReadCondWrite].includes(access);
}

function writes({ OpAccess }: Iced, access: number): boolean {
  const { Write, CondWrite, ReadWrite, ReadCondWrite } = OpAccess;
  return [Write, CondWrite, ReadWrite, ReadCondWrite].includes(access);
}
