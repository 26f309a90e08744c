// What src/elf and those who read relocations ask of a machine.

/** How a relocation type is stored: bytes at the place, relative to it or not, sign-extended or not. */
export interface RelocationShape {
  readonly name: string;
  readonly width: 0 | 1 | 2 | 4 | 8;
  readonly pcrel: boolean;
  readonly signed: boolean;
}

/** The relocation types of one machine. */
export interface Relocations {
  /** The machine's name, for messages. */
  readonly label: string;
  /** e_machine in the header of its files. */
  readonly machine: number;
  /** The type that does nothing. */
  readonly none: number;
  /** An address as wide as a pointer. */
  readonly address: number;
  /** The distance from the place, as tables of the kernel and operands of instructions have it. */
  readonly distance: number;
  /** undefined for a type that kernel objects do not use. */
  shape(type: number): RelocationShape | undefined;
  /** Whether the place holds an address as data does, wide enough for one of the kernel. */
  isAddress(type: number): boolean;
  /** Whether the place holds a distance as an operand or a branch does. */
  isDistance(type: number): boolean;
  /** The type to compare: two that say the same of code that is linked once are one. */
  plain(type: number): number;
}
