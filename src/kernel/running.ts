// What run-pre matching asks of a kernel, wherever it comes from: the host's
// own memory, a captured one, or the files of an image package laid out as the
// boot code and the module loader would.

/** A run-time kernel, or what stands for one. */
export interface RunningKernel {
  /** For messages: "/proc/kcore", "the image in DIR". */
  readonly origin: string;
  /** The kernel's release, as `uname -r` says. */
  readonly release: string;
  /** `length` bytes at a run-time address, or undefined where nothing is readable. */
  read(address: bigint, length: number): Uint8Array | undefined;
  /**
   * All addresses of a symbol name: in `module` if given ("vmlinux" for the
   * kernel proper), else in the kernel and every module.
   */
  lookup(name: string, module?: string): readonly bigint[];
  /** Whether code of that target is there. */
  hasTarget(target: string): boolean;
}
