// What each instruction does with values that are in registers: it hands them to other
// registers, stores them, loads through them, leaves the function with them.

import type { Section } from '../../elf/object.js';
import type { Flow, Registers, Step, StepRegisters } from '../machine.js';
import { DECODED_AT, type Decoder, loadDecoder } from './decoder.js';

type Instruction = InstanceType<Decoder['Instruction']>;
type Info = InstanceType<Decoder['InstructionInfo']>;

const RAX: Registers = 1 << 0;
const RCX: Registers = 1 << 1;
const RDX: Registers = 1 << 2;
const RBX: Registers = 1 << 3;
const RSP: Registers = 1 << 4;
const RBP: Registers = 1 << 5;
const RSI: Registers = 1 << 6;
const RDI: Registers = 1 << 7;
const R8: Registers = 1 << 8;
const R9: Registers = 1 << 9;
const ARGUMENTS: Registers = RDI | RSI | RDX | RCX | R8 | R9;

/** The System V ABI for x86-64, 3.2.3. */
export const registers: StepRegisters = {
  result: RAX,
  parameters: [RDI, RSI, RDX, RCX, R8, R9],
  source: RSI,
  arguments: ARGUMENTS,
  clobbered: ARGUMENTS | RAX | (1 << 10) | (1 << 11),
};

/** Several rules ask, some for each function or variable, and a section may be all code of an object. */
const decoded = new WeakMap<Section, ReadonlyMap<number, Step>>();

/**
 * All instructions of a section, by their first byte. They are decoded once.
 * @param code with machine code from its first byte on
 */
export function stepsOf(code: Section): ReadonlyMap<number, Step> {
  let steps = decoded.get(code);
  if (!steps) {
    steps = decode(code);
    decoded.set(code, steps);
  }
  return steps;
}

function decode(code: Section): ReadonlyMap<number, Step> {
  const iced = loadDecoder();
  const decoder = new iced.Decoder(64, code.data, iced.DecoderOptions.None);
  decoder.ip = BigInt(DECODED_AT);
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
        target: Number(instruction.nearBranchTarget) - DECODED_AT,
        near: instruction.isIpRelMemoryOperand
          ? Number(instruction.ipRelMemoryAddress) - DECODED_AT
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
  return withFrames(steps);
}

/** With what only other instructions tell: whether rbp is the frame's, and whether rdi leads there. */
function withFrames(steps: ReadonlyMap<number, Step>): ReadonlyMap<number, Step> {
  const all = [...steps.values()];
  const isStack = ({ isLea, read }: Step) => !isLea && (read & RSP) !== 0;
  const saved = ({ isFrame, address }: Step) => isFrame || (address & RBP) !== 0;
  const writers = all.filter(({ written }) => written & RBP);
  const hasPointer = writers.some(isStack) && writers.every((one) => isStack(one) || saved(one));
  const frame = hasPointer ? RBP : 0;
  let isCopyToFrame = false;
  const found = new Map<number, Step>();
  for (const step of all) {
    const isFrame: boolean = step.copies
      ? isCopyToFrame
      : step.isFrame || (step.address & frame) !== 0;
    if (step.written & RDI) isCopyToFrame = step.isLea ? isFrame : isStack(step);
    found.set(step.start, { ...step, isFrame });
  }
  return found;
}

function flowOf({ FlowControl }: Decoder, { flowControl, isInvalid }: Instruction) {
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

function valuesOf(lib: Decoder, instruction: Instruction, info: Info) {
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

function memoryOf(lib: Decoder, info: Info) {
  const found = { address: 0, reads: false, writes: false };
  for (const memory of info.usedMemory()) {
    found.address |= bit(lib, memory.base) | bit(lib, memory.index);
    found.reads ||= reads(lib, memory.access);
    found.writes ||= writes(lib, memory.access);
    memory.free();
  }
  return found;
}

function operandsOf(lib: Decoder, instruction: Instruction, info: Info) {
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
function isMove({ Mnemonic }: Decoder, mnemonic: number): boolean {
  const { Mov, Lea, Add, Sub, And, Or, Xchg, Push, Pop, Cmova, Cmovs, Cmpxchg, Xadd } = Mnemonic;
  // The conditional moves stand side by side, in the order of the alphabet.
  if (mnemonic >= Cmova && mnemonic <= Cmovs) return true;
  return [Mov, Lea, Add, Sub, And, Or, Xchg, Push, Pop, Cmpxchg, Xadd].includes(mnemonic);
}

function bit({ RegisterExt }: Decoder, register: number): Registers {
  return RegisterExt.isGPR(register)
    ? 1 << RegisterExt.number(RegisterExt.fullRegister(register))
    : 0;
}

function reads({ OpAccess }: Decoder, access: number): boolean {
  const { Read, CondRead, ReadWrite, ReadCondWrite } = OpAccess;
  return [Read, CondRead, ReadWrite, ReadCondWrite].includes(access);
}

function writes({ OpAccess }: Decoder, access: number): boolean {
  const { Write, CondWrite, ReadWrite, ReadCondWrite } = OpAccess;
  return [Write, CondWrite, ReadWrite, ReadCondWrite].includes(access);
}
