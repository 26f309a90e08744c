// What the rest of the program asks about the machine that updates are made for. All that
// another one would have its own of stands behind this: a second machine is a second folder.

import type { ElfObject, Relocation, Section } from '../elf/object.js';
import type { TableSizes } from '../elf/tables.js';
import type { Item, Program, Variant } from '../program/program.js';
import type { FormsOf, Site, SiteCode } from './site.js';

export interface Machine {
  /** As `uname -m` says. */
  readonly name: string;
  /** As Debian's packages say. */
  readonly debian: string;
  /** For messages. */
  readonly label: string;
  readonly tree: KernelTree;
  readonly image: BootImage;
  readonly memory: MemoryMap;
  readonly jump: Jump;
  readonly sites: Sites;
  readonly code: Instructions;
  /** Packages that are loaded to read its code. */
  readonly packages: readonly string[];
}

/** The machine's part of a kernel's source, and its names for kbuild. */
export interface KernelTree {
  /** Its folder below `arch/`. */
  readonly folder: string;
  /** Its folder of header files. */
  readonly headers: string;
  /** A file that kbuild makes of the table of system calls. */
  readonly syscalls: string;
  /** The option of the configuration that is set for it, without its prefix. */
  readonly option: string;
  /** What `ARCH=` may be on the command line of make. */
  readonly names: readonly string[];
  /** What the top Makefile would export. */
  readonly makeVariables: readonly string[];
  /** Files that are mapped into processes as the vdso. */
  readonly vdso: RegExp;
  /** Files of code that runs before the kernel proper, or after it. */
  readonly apart: RegExp;
  /** Programs for the machine that builds. */
  readonly tools: RegExp;
}

/** What a boot loader loads. */
export interface BootImage {
  /** Where a build has it, in the directory that O= names. */
  readonly path: string;
  /** @throws KspliceError `bad-image` if it is none, or cut short */
  read(data: Buffer, origin: string): KernelPayload;
}

/** The kernel in a boot image, and what the image says about it. */
export interface KernelPayload {
  /** "6.1.0-56-amd64": what `uname -r` will say. */
  readonly release: string;
  /** As `uname -v` will say: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)". */
  readonly version: string;
  /** The compressed kernel. */
  readonly payload: Buffer;
  /** Its length when decompressed, in bytes. */
  readonly size: number;
}

/** Where the kernel puts things, without KASLR. Everything is near enough to be reached from everything else. */
export interface MemoryMap {
  /** The mapping of the kernel's own image. */
  readonly kernel: bigint;
  /** Where the image is linked to. */
  readonly link: bigint;
  /** Where modules are loaded. */
  readonly modules: bigint;
  /** Used by nothing: for symbols of modules that are not laid out. */
  readonly free: bigint;
  /** Above all that a kernel or its modules use: for new code, and for symbols that nobody else has. */
  readonly newCode: bigint;
  readonly newCodeFree: bigint;
}

/** The jump that leads from a replaced function to its new code. */
export interface Jump {
  /** In bytes. */
  readonly size: number;
  /** Length of the landing mark that a function's bytes begin with, which stays; 0 if there is none. */
  markLength(entry: Uint8Array): number;
}

/** What a match program says of one place that the kernel rewrites. */
export type SiteItem = Extract<Item, { kind: 'site' }>;

/** The mechanisms by which a kernel rewrites its code. */
export interface Sites {
  /**
   * All sites of an object, in patching order.
   * @param formsOf reads other code of the same object with its sites
   * @throws KspliceError `unsupported-object` if a table is not understood
   */
  collect(code: SiteCode, formsOf: FormsOf): Site[];
  /** The form as the kernel leaves it between `start` and `end` when it merges no-ops. */
  mergeNops(tables: TableSizes, form: Variant, start: number, end: number): Variant;
  /** Which mechanism a place of a match program belongs to, from the forms that it may take. */
  mechanismOf(item: SiteItem, program: Program): string;
  /** The object with constants that only boot code fills in read from their variables. */
  withoutRuntimeConstants(object: ElfObject): ElfObject;
}

/** A field of an instruction that is relocated. */
export type RelocatedField = Pick<Relocation, 'offset' | 'type'>;

/** A call or jump with a constant distance. */
export interface Branch {
  /** Offset of the displacement in the section, and its width in bytes. */
  readonly field: number;
  readonly width: number;
  /** Where it leads in the section. */
  readonly target: number;
}

/** A set of the general registers: bit n is the one that the processor gives the number n. */
export type Registers = number;

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
  /** Copies from where the register `source` of the calling convention leads to. */
  readonly copies: boolean;
  /** Its operand in memory is in the frame of the function; for a copy, the place that it copies to. */
  readonly isFrame: boolean;
}

/** A place for a value: the number of a register, or that of a place on the own stack, which no register has. */
export type Slot = number;

/** One instruction, as far as addresses that are handed to called functions go. */
export interface Move {
  /** In bytes from the section's start. */
  readonly start: number;
  readonly end: number;
  /** `stop`: what comes next does not come from here. */
  readonly flow: 'next' | 'jump' | 'branch' | 'call' | 'stop';
  /** Where a branch or call leads by its own number, in bytes from the section's start. */
  readonly target: number | undefined;
  /** Where the fields are that may be relocated. */
  readonly displacement: number | undefined;
  readonly immediate: number | undefined;
  /** Copies memory as memcpy() does. */
  readonly copies: boolean;
  /** Where its value comes from. */
  readonly sources: readonly Slot[];
  /** Its value may also be what a relocation says. */
  readonly takesField: boolean;
  /** Puts its value into memory: at `slot`, if that is on the own stack; `base` is the register that it is addressed with. */
  readonly store: { readonly slot: Slot | undefined; readonly base: number } | undefined;
  /** Puts its value into a register, beside what is there, or in exchange for it. */
  readonly into:
    | { readonly how: 'put' | 'add'; readonly slot: Slot }
    | { readonly how: 'swap'; readonly slot: Slot; readonly other: Slot }
    | undefined;
  /** Registers that no longer have what they had. */
  readonly written: readonly Slot[];
}

/** One instruction as text. */
export interface InstructionText {
  /** In bytes from the start of the code. */
  readonly start: number;
  readonly end: number;
  /** "(bad)" for what is no instruction. */
  readonly text: string;
  /** Where a branch leads, in bytes from the start of the code; `number` is how `text` has it. */
  readonly target: { readonly offset: number; readonly number: string } | undefined;
}

/** Reading the machine's code. */
export interface Instructions {
  /** Whether the field is an operand that is relative to the place (in tables and data it is not). */
  isOperand(section: Section, field: RelocatedField): boolean;
  /** Whether the field is the distance of a call or jump, and no address that the code takes. */
  isBranch(section: Section, field: RelocatedField): boolean;
  /** What a relative operand adds to its place: the length of its field, as negative number. */
  readonly operandAddend: number;
  /** An instruction that does nothing. */
  readonly noop: Uint8Array;
  /** The most bytes that an instruction can have after a relative field. */
  readonly longestTail: number;
  /**
   * Bytes between the end of the relative field at `offset` and the end of its
   * instruction; 0 if no instruction there could be decoded.
   * @param start, end the function, in bytes from the section's start
   */
  bytesAfterField(code: Section, start: number, end: number, offset: number): number;
  /** Calls and jumps of the function between `start` and `end`, relocated ones included. */
  nearBranches(code: Section, start: number, end: number): readonly Branch[];
  /** Whether the field at `offset` makes an address a value, which code can keep or hand on. */
  isAddressValue(code: Section, start: number, end: number, offset: number): boolean;
  /** All instructions of a section that has machine code from its first byte on, by their first byte. */
  stepsOf(code: Section): ReadonlyMap<number, Step>;
  readonly registers: StepRegisters;
  /** The instructions of a function, in their order. */
  movesOf(code: Section, start: number, end: number): readonly Move[];
  readonly slots: MoveSlots;
  /** Code as text, instruction by instruction. */
  textOf(bytes: Uint8Array): readonly InstructionText[];
  /** As `textOf` writes a number. */
  numberText(value: bigint): string;
  /** The function that returns are sent through. */
  readonly returnThunk: string;
  /** Whether a function is what an indirect call or jump is sent through. */
  isIndirectThunk(name: string): boolean;
}

/** The calling convention, in sets of registers. */
export interface StepRegisters {
  readonly result: Registers;
  /** By the number of the parameter. */
  readonly parameters: readonly [Registers, Registers, Registers, Registers, Registers, Registers];
  /** What an instruction that copies memory reads through. */
  readonly source: Registers;
  readonly arguments: Registers;
  /** What a called function may leave something else in. */
  readonly clobbered: Registers;
}

/** The calling convention, in slots. */
export interface MoveSlots {
  /** The first six parameters, in their order. */
  readonly parameters: readonly Slot[];
  /** What a called function may leave something else in. */
  readonly lost: readonly Slot[];
  /** The stack pointer. */
  readonly stack: Slot;
}
