// A kernel that is read from files: an image, a build or a capture, whichever it is.

import type { ElfObject } from '../elf/object.js';
import type { ModuleFiles } from './image-kernel.js';
import type { RunningKernel } from './running.js';
import type { KernelSymbol } from './symbols.js';

/** A kernel that is there as files. */
export interface KernelFiles {
  readonly kernel: RunningKernel;
  /** "6.1.0-56-amd64" */
  readonly release: string;
  /** As `uname -v` says; it names the distribution's package version. */
  readonly version: string;
  /** kallsyms of the kernel proper, sorted by address. */
  readonly symbols: readonly KernelSymbol[];
  /** A module's file, by the name that lsmod shows; a capture has none. */
  moduleFile(name: string): Promise<ElfObject | undefined>;
  /**
   * Makes modules available in `kernel`: they are decompressed, and a package is read again.
   * It is done for the modules named when the image was opened.
   */
  prepare(modules: readonly string[]): Promise<void>;
  /**
   * The same kernel with module files from elsewhere, which go before its own; a
   * capture has the modules themselves, and takes only their symbols from the files.
   * @param origin what they are, for messages
   */
  withModules(files: ModuleFiles, origin: string): KernelFiles;
}
