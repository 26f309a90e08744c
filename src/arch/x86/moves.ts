// What each instruction of a function does with values, register by register, in the order of
// the code: for a walk that follows addresses to the calls that they are handed to.

import type { Section } from '../../elf/object.js';
import type { Move, MoveSlots } from '../machine.js';
import { DECODED_AT, type Decoder, loadDecoder } from './decoder.js';

type Instruction = InstanceType<Decoder['Instruction']>;
type InfoFactory = InstanceType<Decoder['InstructionInfoFactory']>;

/** Above the numbers of all registers. */
const STACK_SLOTS = 0x1000;

/** The registers of the System V ABI for x86-64 (3.2.3), by the decoder's numbers. */
export const slots: MoveSlots = {
  get parameters() {
    const { Register: R } = loadDecoder();
    return [R.RDI, R.RSI, R.RDX, R.RCX, R.R8, R.R9];
  },
  get lost() {
    const { Register: R } = loadDecoder();
    return [...slots.parameters, R.RAX, R.R10, R.R11];
  },
  get stack() {
    return loadDecoder().Register.RSP;
  },
};

/** The instructions of the function between `start` and `end` of a section. */
export function movesOf(code: Section, start: number, end: number): Move[] {
  const iced = loadDecoder();
  const bytes = code.data.subarray(start, end);
  const decoder = new iced.Decoder(64, bytes, iced.DecoderOptions.None);
  decoder.ip = BigInt(DECODED_AT + start);
  const instruction = new iced.Instruction();
  const infos = new iced.InstructionInfoFactory();
  const moves: Move[] = [];
  try {
    while (decoder.canDecode) {
      const begin = start + decoder.position;
      decoder.decodeOut(instruction);
      const fields = decoder.getConstantOffsets(instruction);
      const { hasDisplacement, displacementOffset, hasImmediate, immediateOffset } = fields;
      fields.free();
      const flow = flowOf(iced, instruction);
      const isNear = instruction.op0Kind === iced.OpKind.NearBranch64;
      moves.push({
        start: begin,
        end: begin + instruction.length,
        flow,
        target: isNear ? Number(instruction.nearBranchTarget) - DECODED_AT : undefined,
        displacement: hasDisplacement ? begin + displacementOffset : undefined,
        immediate: hasImmediate ? begin + immediateOffset : undefined,
        ...(flow === 'next' ? valuesOf(iced, instruction, infos) : NO_VALUES),
      });
    }
  } finally {
    infos.free();
    instruction.free();
    decoder.free();
  }
  return moves;
}

const NO_VALUES = {
  copies: false,
  sources: [],
  takesField: false,
  store: undefined,
  into: undefined,
  written: [],
};

function flowOf({ FlowControl: F }: Decoder, { flowControl }: Instruction): Move['flow'] {
  switch (flowControl) {
    case F.Call:
    case F.IndirectCall:
      return 'call';
    case F.ConditionalBranch:
      return 'branch';
    case F.UnconditionalBranch:
      return 'jump';
    case F.Return:
    case F.IndirectBranch:
    case F.Exception:
      return 'stop';
    default:
      return 'next';
  }
}

function valuesOf(iced: Decoder, instruction: Instruction, infos: InfoFactory) {
  const { Mnemonic, OpKind } = iced;
  const { mnemonic, op0Kind } = instruction;
  const stores = op0Kind === OpKind.Memory && mnemonic === Mnemonic.Mov;
  return {
    copies: instruction.hasRepPrefix && isMovs(iced, mnemonic),
    ...sourcesOf(iced, instruction),
    store: stores
      ? { slot: stackSlot(iced, instruction), base: instruction.memoryBase }
      : undefined,
    into: intoOf(iced, instruction),
    written: writtenBy(iced, instruction, infos),
  };
}

function sourcesOf(iced: Decoder, instruction: Instruction) {
  const { Mnemonic, OpKind, RegisterExt } = iced;
  const isLea = instruction.mnemonic === Mnemonic.Lea;
  switch (instruction.op1Kind) {
    case OpKind.Register:
      return { sources: [RegisterExt.fullRegister(instruction.op1Register)], takesField: false };
    case OpKind.Memory: {
      if (isLea) break;
      // The place of an operand in memory is no value, but what lea computes is.
      const slot = stackSlot(iced, instruction);
      return { sources: slot === undefined ? [] : [slot], takesField: false };
    }
  }
  const computed = isLea ? [instruction.memoryBase, instruction.memoryIndex] : [];
  return { sources: computed.map((one) => RegisterExt.fullRegister(one)), takesField: true };
}

function intoOf(iced: Decoder, instruction: Instruction): Move['into'] {
  const { Mnemonic, OpKind, Register, RegisterExt } = iced;
  const { mnemonic } = instruction;
  if (instruction.op0Kind !== OpKind.Register) return undefined;
  const slot = RegisterExt.fullRegister(instruction.op0Register);
  if (mnemonic === Mnemonic.Xchg && instruction.op1Kind === OpKind.Register) {
    return { how: 'swap', slot, other: RegisterExt.fullRegister(instruction.op1Register) };
  }
  if (slot === Register.RSP) return undefined;
  if (mnemonic === Mnemonic.Mov || mnemonic === Mnemonic.Lea) return { how: 'put', slot };
  const adds = mnemonic === Mnemonic.Add || mnemonic === Mnemonic.Sub || isCmov(iced, mnemonic);
  return adds ? { how: 'add', slot } : undefined;
}

/** A place on the own stack where a register may be kept for a while. */
function stackSlot({ Register }: Decoder, instruction: Instruction): number | undefined {
  const { memoryBase, memoryIndex, memoryDisplacement } = instruction;
  const isSlot = memoryBase === Register.RSP && memoryIndex === Register.None;
  return isSlot ? STACK_SLOTS + Number(memoryDisplacement) : undefined;
}

function writtenBy(
  { OpAccess, Register, RegisterExt }: Decoder,
  instruction: Instruction,
  infos: InfoFactory,
): number[] {
  const info = infos.info(instruction);
  const written: number[] = [];
  for (const used of info.usedRegisters()) {
    const { access, register } = used;
    used.free();
    if (access === OpAccess.Read || access === OpAccess.CondRead) continue;
    const full = RegisterExt.fullRegister(register);
    if (full !== Register.RSP) written.push(full);
  }
  info.free();
  return written;
}

function isMovs({ Mnemonic }: Decoder, mnemonic: number): boolean {
  const { Movsb, Movsd, Movsq, Movsw } = Mnemonic;
  return [Movsb, Movsd, Movsq, Movsw].includes(mnemonic);
}

function isCmov({ Mnemonic }: Decoder, mnemonic: number): boolean {
  return Mnemonic[mnemonic]!.startsWith('Cmov');
}
