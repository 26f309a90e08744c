// Opens what a user names as "the image" of a kernel: a tree with boot/ and
// lib/modules/ (an unpacked package, or / itself), a directory in which a kernel
// was built, a Debian package, or a directory that `capture` wrote.

import { statSync } from 'node:fs';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { ElfObject } from '../elf/object.js';
import { isCapture } from './capture-format.js';
import { openCapture } from './captured.js';
import { readPackage } from './deb.js';
import { ImageKernel, type ModuleFiles } from './image-kernel.js';
import { findBuilt, findInTree, imageAdvice, type WhichKernel } from './image-tree.js';
import type { KernelFiles } from './kernel-in-files.js';
import { ModuleDirectory } from './module-files.js';
import { openVmlinuz, readVmlinuz, type Vmlinux } from './vmlinux.js';

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
  const files =
    place.modules === undefined ? noModules : new ModuleDirectory(place.modules, ui.signal);
  await files.prepare?.(options.modules ?? []);
  return kernelFiles(`the image in ${path}`, vmlinux, files);
}

const noModules: ModuleFiles = { has: () => false, read: () => undefined };

/** A kernel proper with its modules. */
export function kernelFiles(origin: string, vmlinux: Vmlinux, files: ModuleFiles): KernelFiles {
  const { release, version, symbols } = vmlinux;
  const prepare = async (names: readonly string[]) => await files.prepare?.(names);
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
    withModules: (first, what) =>
      kernelFiles(`${what} with ${origin}`, vmlinux, oneBeforeOther(first, files)),
  };
}

function oneBeforeOther(first: ModuleFiles, second: ModuleFiles): ModuleFiles {
  return {
    has: (name) => first.has(name) || second.has(name),
    read: (name) => first.read(name) ?? second.read(name),
    prepare: async (names) => {
      await first.prepare?.(names.filter((name) => first.has(name)));
      await second.prepare?.(names.filter((name) => !first.has(name)));
    },
  };
}

async function openPackage(path: string, ui: Ui, options: ImageOptions): Promise<KernelFiles> {
  const contents = await readPackage(path, options.modules ?? [], ui);
  const vmlinux = await readVmlinuz(contents.vmlinuz, `${path}: vmlinuz`, ui.signal);
  return kernelFiles(`the package ${path}`, vmlinux, contents.modules);
}
