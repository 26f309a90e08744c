// Which addresses a function hands to what it calls: a walk over its instructions, in their
// order, that follows addresses of the object's parts through registers. What may come by
// several ways is a set, which may have an address more than really comes. What is put into
// memory is lost, but for the own stack. This is good enough for notes, and not for
// decisions.

import type { Relocation } from '../elf/object.js';
import { relocationsIn } from './extents.js';
import { loadDecoder } from './instructions.js';
import type { Part, Parts } from './parts.js';
import { findTarget } from './targets.js';

/** A part whose address is handed on, an own parameter by its number, or a place on the own stack. */
export type Handed = Part | number | 'stack';

/** A call, or a jump that takes the place of one, or a copy by `rep movs`. */
export interface Call {
  /** A part of this object, or the name of something else. */
  readonly callee: Part | string;
  /** What may be in the first six arguments. */
  readonly arguments: readonly ReadonlySet<Handed>[];
  /** Parts whose addresses have been stored on the stack up to here. */
  readonly stored: ReadonlySet<Part>;
}

/** The callee of a copy by `rep movs`, whose arguments are those of memcpy(). */
export const REP_MOVS = 'memcpy';

/** By register, or place on the own stack: what it may hold. */
type State = Map<number, ReadonlySet<Handed>>;

const NOTHING: ReadonlySet<Handed> = new Set();
const STACK: ReadonlySet<Handed> = new Set(['stack']);
const TRACERS = new Set(['__fentry__', 'mcount']);

/** The calls of a function, in their order. */
export function callsOf(parts: Parts, part: Part): readonly Call[] {
  return new Walk(parts, part).calls();
}

type Decoder = ReturnType<typeof loadDecoder>;
type Instruction = InstanceType<Decoder['Instruction']>;

class Walk {
  private readonly iced = loadDecoder();
  private found: Call[] = [];
  private readonly stored = new Set<Part>();
  /** States that branches bring to other places, by offset in the section. */
  private readonly arriving = new Map<number, State>();
  private readonly parameters: readonly number[];
  private readonly lost: readonly number[];
  private state: State = new Map();

  constructor(
    private readonly parts: Parts,
    private readonly part: Part,
  ) {
    const { Register: R } = this.iced;
    this.parameters = [R.RDI, R.RSI, R.RDX, R.RCX, R.R8, R.R9];
    this.lost = [...this.parameters, R.RAX, R.R10, R.R11];
  }

  calls(): readonly Call[] {
    // Branches backwards bring more to what has been walked through already.
    for (let round = 0, before = -1; round < MOST_ROUNDS && before < this.arrived(); round++) {
      before = this.arrived();
      this.walk();
    }
    return this.found;
  }

  private walk(): void {
    const { section, start, end } = this.part;
    const { Decoder, DecoderOptions, Instruction, InstructionInfoFactory } = this.iced;
    this.found = [];
    this.state = new Map(this.parameters.map((register, i) => [register, new Set([i])]));
    const relocations = relocationsIn(this.parts.object, this.part);
    const decoder = new Decoder(64, section.data.subarray(start, end), DecoderOptions.None);
    decoder.ip = BigInt(BASE + start);
    const instruction = new Instruction();
    const facts = new InstructionInfoFactory();
    let next = 0;
    try {
      while (decoder.canDecode) {
        const begin = start + decoder.position;
        decoder.decodeOut(instruction);
        const limit = begin + instruction.length;
        const own: Relocation[] = [];
        for (; next < relocations.length && relocations[next]!.offset < limit; next++) {
          own.push(relocations[next]!);
        }
        this.merge(this.arriving.get(begin));
        const fields = decoder.getConstantOffsets(instruction);
        const value = own.find(
          ({ offset }) =>
            (fields.hasImmediate && offset === begin + fields.immediateOffset) ||
            (fields.hasDisplacement && offset === begin + fields.displacementOffset),
        );
        fields.free();
        this.step(instruction, own, value, facts);
      }
    } finally {
      facts.free();
      instruction.free();
      decoder.free();
    }
  }

  /** How much branches have brought; it only grows. */
  private arrived(): number {
    let sum = 0;
    for (const state of this.arriving.values()) {
      for (const values of state.values()) sum += 1 + values.size;
    }
    return sum;
  }

  private step(
    instruction: Instruction,
    own: readonly Relocation[],
    value: Relocation | undefined,
    facts: InstanceType<Decoder['InstructionInfoFactory']>,
  ): void {
    const { FlowControl: Flow } = this.iced;
    switch (instruction.flowControl) {
      case Flow.Call:
      case Flow.IndirectCall:
        this.call(instruction, own);
        return;
      case Flow.ConditionalBranch:
        this.branch(instruction, own);
        return;
      case Flow.UnconditionalBranch:
        this.branch(instruction, own);
        this.state = new Map();
        return;
      case Flow.Return:
      case Flow.IndirectBranch:
      case Flow.Exception:
        this.state = new Map();
        return;
      default:
        this.plain(instruction, value, facts);
    }
  }

  private call(instruction: Instruction, own: readonly Relocation[]): void {
    const callee = this.calleeOf(instruction, own);
    if (typeof callee === 'string' && TRACERS.has(callee)) return;
    if (callee !== undefined) this.note(callee);
    for (const register of this.lost) this.state.delete(register);
  }

  private branch(instruction: Instruction, own: readonly Relocation[]): void {
    const callee = this.calleeOf(instruction, own);
    if (callee !== undefined && callee !== this.part) {
      this.note(callee);
      return;
    }
    const target = Number(instruction.nearBranchTarget) - BASE;
    const before = this.arriving.get(target);
    this.arriving.set(target, before ? united(before, this.state) : new Map(this.state));
  }

  private note(callee: Part | string): void {
    this.found.push({
      callee,
      arguments: this.parameters.map((register) => this.state.get(register) ?? NOTHING),
      stored: new Set(this.stored),
    });
  }

  /** Where a call or jump leads; undefined if only the running code knows. */
  private calleeOf(
    instruction: Instruction,
    own: readonly Relocation[],
  ): Part | string | undefined {
    const { section } = this.part;
    const [relocation] = own;
    if (relocation) {
      const target = findTarget(this.parts, section, relocation);
      if (target.kind === 'section') return undefined;
      return target.kind === 'external' ? target.name : target.part;
    }
    if (instruction.op0Kind !== this.iced.OpKind.NearBranch64) return undefined;
    return this.parts.at(section, Number(instruction.nearBranchTarget) - BASE);
  }

  private plain(
    instruction: Instruction,
    relocation: Relocation | undefined,
    facts: InstanceType<Decoder['InstructionInfoFactory']>,
  ): void {
    const { Mnemonic, OpKind, RegisterExt } = this.iced;
    const { mnemonic, op0Kind } = instruction;
    if (instruction.hasRepPrefix && this.isMovs(mnemonic)) this.note(REP_MOVS);
    const value = this.sourceOf(instruction, relocation);
    if (op0Kind === OpKind.Memory) {
      if (mnemonic === Mnemonic.Mov) this.store(instruction, value);
    }
    const target =
      op0Kind === OpKind.Register ? RegisterExt.fullRegister(instruction.op0Register) : 0;
    const before = this.state.get(target) ?? NOTHING;
    if (mnemonic === Mnemonic.Xchg && instruction.op1Kind === OpKind.Register && target !== 0) {
      this.put(target, value);
      this.put(RegisterExt.fullRegister(instruction.op1Register), before);
      return;
    }
    for (const register of this.writtenBy(instruction, facts)) this.state.delete(register);
    if (target === 0 || target === this.iced.Register.RSP) return;
    if (mnemonic === Mnemonic.Mov || mnemonic === Mnemonic.Lea) this.put(target, value);
    else if (mnemonic === Mnemonic.Add || mnemonic === Mnemonic.Sub || this.isCmov(mnemonic)) {
      this.put(target, new Set([...before, ...value]));
    }
  }

  /** What an instruction takes as a value from its relocation, or from the registers of its last operand. */
  private sourceOf(
    instruction: Instruction,
    relocation: Relocation | undefined,
  ): ReadonlySet<Handed> {
    const { Mnemonic, OpKind, RegisterExt } = this.iced;
    const isLea = instruction.mnemonic === Mnemonic.Lea;
    const kind = instruction.op1Kind;
    const held = (register: number) =>
      this.state.get(RegisterExt.fullRegister(register)) ?? NOTHING;
    if (kind === OpKind.Register) return held(instruction.op1Register);
    // The place of an operand in memory is no value, but what lea computes is.
    if (kind === OpKind.Memory && !isLea) {
      const slot = this.slotOf(instruction);
      return (slot !== undefined && this.state.get(slot)) || NOTHING;
    }
    const values = new Set<Handed>();
    if (relocation) {
      const target = findTarget(this.parts, this.part.section, relocation);
      if (target.kind === 'part') values.add(target.part);
    }
    if (isLea) {
      for (const register of [instruction.memoryBase, instruction.memoryIndex]) {
        for (const one of held(register)) values.add(one);
      }
    }
    return values;
  }

  private store(instruction: Instruction, value: ReadonlySet<Handed>): void {
    const slot = this.slotOf(instruction);
    if (slot !== undefined) this.put(slot, value);
    if (!this.state.get(instruction.memoryBase)?.has('stack')) return;
    for (const one of value) if (typeof one === 'object') this.stored.add(one);
  }

  /** For a place on the own stack where a register may be kept for a while: a number that no register has. */
  private slotOf(instruction: Instruction): number | undefined {
    const { Register } = this.iced;
    const { memoryBase, memoryIndex, memoryDisplacement } = instruction;
    const isSlot = memoryBase === Register.RSP && memoryIndex === Register.None;
    return isSlot ? SLOTS + Number(memoryDisplacement) : undefined;
  }

  private put(register: number, value: ReadonlySet<Handed>): void {
    if (value.size > 0) this.state.set(register, value);
    else this.state.delete(register);
  }

  private writtenBy(
    instruction: Instruction,
    facts: InstanceType<Decoder['InstructionInfoFactory']>,
  ): number[] {
    const { OpAccess, Register, RegisterExt } = this.iced;
    const info = facts.info(instruction);
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

  private isMovs(mnemonic: number): boolean {
    const { Movsb, Movsd, Movsq, Movsw } = this.iced.Mnemonic;
    return [Movsb, Movsd, Movsq, Movsw].includes(mnemonic);
  }

  private isCmov(mnemonic: number): boolean {
    return this.iced.Mnemonic[mnemonic]!.startsWith('Cmov');
  }

  /** Takes in what a branch brings here. */
  private merge(other: State | undefined): void {
    if (other) this.state = united(this.state, other);
    this.state.set(this.iced.Register.RSP, STACK);
  }
}

/** An address that passes through more branches backwards than this is not followed. */
const MOST_ROUNDS = 4;
/** Above the numbers of all registers. */
const SLOTS = 0x1000;
/** Not 0: a branch backwards out of the function must not wrap around. */
const BASE = 0x10000000;

function united(one: State, other: State): State {
  const result = new Map(one);
  for (const [register, values] of other) {
    result.set(register, new Set([...(result.get(register) ?? NOTHING), ...values]));
  }
  return result;
}
