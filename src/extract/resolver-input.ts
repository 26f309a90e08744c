// What is known of a kernel when the symbols that new code needs are looked up.

import type { ElfObject } from '../elf/object.js';
import type { NamedAddress } from './kernel-symbols.js';
import type { ExportedSymbol } from './symvers.js';

export interface ResolverInput {
  /** "vmlinux", or the module's name with underscores. */
  readonly target: string;
  /** From Module.symvers of the kernel's headers, and of the core. */
  readonly exports: ReadonlyMap<string, ExportedSymbol>;
  /** All of vmlinux's symbols: System.map, or kallsyms of the image. */
  readonly symbols: readonly NamedAddress[];
  /** The target's changed objects as the distribution compiled them, by label. */
  readonly pre: ReadonlyMap<string, ElfObject>;
  /** The target's module file, if it is at hand. */
  readonly module?: ElfObject | undefined;
  /** Files of modules that export static keys to the target, by name, as far as they are at hand. */
  readonly exporters?: ReadonlyMap<string, ElfObject> | undefined;
  /** What run-pre matching found out, if an image was at hand to be matched. */
  readonly runAddress?: ((label: string, name: string) => bigint | undefined) | undefined;
  /** All addresses that the same image has for a name in the target, in kallsyms' order. */
  readonly places?: ((name: string) => readonly bigint[]) | undefined;
}
