// Opens what a user names as "the image" of a kernel: a tree with boot/ and
// lib/modules/ (an unpacked package, or / itself), a directory in which a kernel
// was built, a Debian package, or a directory that `capture` wrote.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../arch/index.js';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { ElfObject } from '../elf/object.js';
import { isCapture } from './capture-format.js';
import { openCapture } from './captured.js';
import { readPackage } from './deb.js';
import { ImageKernel, type ModuleFiles } from './image-kernel.js';
import type { KernelFiles } from './kernel-in-files.js';
import { ModuleDirectory } from './module-files.js';
import { openVmlinuz, readVmlinuz, type Vmlinux } from './vmlinux.js';

export interface ImageOptions {
  /** Which kernel, where a tree holds several. */
  readonly release?: string;
  /** Which kernel to take if there are several, and this is one of them. */
  readonly prefer?: string;
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
  if (!stat) throw new KspliceError('no-image', `${path}: no such file or directory`, { advice });
  if (stat.isFile()) return await openPackage(path, ui, options);
  if (isCapture(path)) return openCapture(path);
  const place = findBuilt(path, options) ?? findInTree(path, options);
  ui.detail(`kernel image ${place.vmlinuz}, modules in ${place.modules ?? 'no directory'}`);
  const vmlinux = await openVmlinuz(place.vmlinuz, ui.signal);
  const { release, vmlinuz } = place;
  if (release !== undefined && vmlinux.release !== release) {
    throw new KspliceError('bad-image', `${vmlinuz} is ${vmlinux.release}, not ${release}`, {
      advice,
    });
  }
  const files =
    place.modules === undefined ? noModules : new ModuleDirectory(place.modules, ui.signal);
  await files.prepare?.(options.modules ?? []);
  return kernelFiles(`the image in ${path}`, vmlinux, files);
}

const advice =
  'Name the directory of an unpacked linux-image package (with boot/ and lib/modules/), its .deb file, the directory in which the kernel was built, or a directory that `ksplice-ts capture` wrote.';

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

interface TreePlace {
  /** undefined where only the kernel itself tells. */
  readonly release: string | undefined;
  readonly vmlinuz: string;
  readonly modules: string | undefined;
}

function findBuilt(root: string, { release }: ImageOptions): TreePlace | undefined {
  const vmlinuz = join(root, machine.image.path);
  return existsSync(vmlinuz) ? { release, vmlinuz, modules: root } : undefined;
}

/** The kernel in a tree: the one that was asked for, or the only one. */
function findInTree(root: string, { release, prefer }: ImageOptions): TreePlace {
  const boot = existsSync(join(root, 'boot')) ? join(root, 'boot') : root;
  const releases = readdirSync(boot)
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => name.slice('vmlinuz-'.length));
  const wanted =
    release ?? (prefer !== undefined && releases.includes(prefer) ? prefer : undefined);
  const only = wanted ?? (releases.length === 1 ? releases[0] : undefined);
  if (releases.length === 0) {
    throw new KspliceError('no-image', `${boot} holds no kernel (vmlinuz-RELEASE)`, { advice });
  }
  if (only === undefined) {
    throw new KspliceError('no-image', `${boot} has several kernels: ${releases.join(', ')}`, {
      advice: 'Name one with --kernel RELEASE.',
    });
  }
  if (!releases.includes(only)) {
    throw new KspliceError('no-image', `${boot} has ${releases.join(', ')}, not ${only}`, {
      advice,
    });
  }
  const modules = [`lib/modules/${only}`, `usr/lib/modules/${only}`]
    .map((path) => join(root, path))
    .find((path) => existsSync(path));
  return { release: only, vmlinuz: join(boot, `vmlinuz-${only}`), modules };
}
