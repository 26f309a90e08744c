// Opens what a user names as "the image" of a kernel: a tree with boot/ and
// lib/modules/ (an unpacked package, or / itself), a directory in which a kernel
// was built, a Debian package, or a directory that `capture` wrote.

import { statSync } from 'node:fs';
import { ElfObject } from '../elf/object.js';
import { KspliceError } from '../errors.js';
import type { Ui } from '../ui.js';
import { isCapture } from './capture-format.js';
import { openCapture } from './captured.js';
import { readPackage } from './deb.js';
import { ImageKernel, type ModuleFiles } from './image-kernel.js';
import { findBuilt, findInTree, imageAdvice, type WhichKernel } from './image-tree.js';
import { ModuleDirectory } from './module-files.js';
import type { RunningKernel } from './running.js';
import type { KernelSymbol } from './symbols.js';
import { openVmlinuz, readVmlinuz, type Vmlinux } from './vmlinux.js';

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
   * Makes modules available in `kernel`. Only a package needs it, and not for
   * the modules named when it was opened: it has to be read again.
   */
  prepare(modules: readonly string[]): Promise<void>;
  /**
   * The same kernel with module files from elsewhere, which go before its own; a
   * capture has the modules themselves, and takes only their symbols from the files.
   * @param origin what they are, for messages
   */
  withModules(files: ModuleFiles, origin: string): KernelFiles;
}

/** Which kernel of a tree, and what will be needed of it. */
export interface ImageOptions extends WhichKernel {
  /** Modules that will be needed; a package is read once, and only these are kept. */
  readonly modules?: readonly string[];
}

/**
 * Opens a kernel image.
 * @throws KspliceError `no-image` if there is none at `path`, `bad-image`,
 *   `missing-tool`, `io`
 */
export async function openKernelImage(
  path: string,
  ui: Ui,
  options: ImageOptions = {},
): Promise<KernelFiles> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat)
    throw new KspliceError('no-image', `${path}: no such file or directory`, {
      advice: imageAdvice,
    });
  if (stat.isFile()) return await openPackage(path, ui, options);
  if (isCapture(path)) return openCapture(path);
  const place = findBuilt(path, options) ?? findInTree(path, options);
  ui.detail(`kernel image ${place.vmlinuz}, modules in ${place.modules ?? 'no directory'}`);
  const vmlinux = await openVmlinuz(place.vmlinuz, ui.signal);
  const { release, vmlinuz } = place;
  if (release !== undefined && vmlinux.release !== release) {
    throw new KspliceError('bad-image', `${vmlinuz} is ${vmlinux.release}, not ${release}`, {
      advice: imageAdvice,
    });
  }
  const files = place.modules === undefined ? noModules : new ModuleDirectory(place.modules);
  return kernelFiles(`the image in ${path}`, vmlinux, files, async () => {});
}

const noModules: ModuleFiles = { has: () => false, read: () => undefined };

/** @param prepare what KernelFiles.prepare() does */
export function kernelFiles(
  origin: string,
  vmlinux: Vmlinux,
  files: ModuleFiles,
  prepare: (modules: readonly string[]) => Promise<void>,
): KernelFiles {
  const { release, version, symbols } = vmlinux;
  return {
    kernel: new ImageKernel(origin, vmlinux, files),
    release,
    version,
    symbols,
    prepare,
    moduleFile: async (name) => {
      await prepare([name]);
      const file = files.read(name);
      return file && new ElfObject(file.data, file.path);
    },
    withModules: (first, what) => {
      const both: ModuleFiles = {
        has: (name) => first.has(name) || files.has(name),
        read: (name) => first.read(name) ?? files.read(name),
      };
      return kernelFiles(`${what} with ${origin}`, vmlinux, both, prepare);
    },
  };
}

async function openPackage(path: string, ui: Ui, options: ImageOptions): Promise<KernelFiles> {
  const contents = await readPackage(path, options.modules ?? [], ui);
  const vmlinux = await readVmlinuz(contents.vmlinuz, `${path}: vmlinuz`, ui.signal);
  return kernelFiles(`the package ${path}`, vmlinux, contents.modules, async (names) => {
    const { present, kept } = contents.modules;
    const missing = names.filter((name) => present.has(name) && !kept.has(name));
    if (missing.length === 0) return;
    const again = await readPackage(path, missing, ui);
    for (const [name, file] of again.modules.kept) kept.set(name, file);
  });
}
