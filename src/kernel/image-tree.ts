// Where a kernel and its modules are in a tree: one in which a kernel was built, an unpacked
// image package, or / itself. Kernels are in boot/vmlinuz-RELEASE, or, of packages that have them apart
// from the modules, in lib/modules/RELEASE/vmlinuz, or vmlinuz.unsigned if that is not signed.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../arch/index.js';
import { KspliceError } from '../base/errors.js';
import { imagePackages } from './image-packages.js';

/** What a tree holds. */
export interface TreePlace {
  /** undefined where only the kernel itself tells. */
  readonly release: string | undefined;
  readonly vmlinuz: string;
  readonly modules: string | undefined;
}

/** Which kernel is meant, where there are several. */
export interface WhichKernel {
  /** This one. */
  readonly release?: string;
  /** This one if it is there. */
  readonly prefer?: string;
}

/** For all that is wrong with what was named as the image. */
export const imageAdvice =
  'Name the directory of an unpacked linux-image package (since Linux 6.19: of linux-binary and linux-modules, unpacked to one place), its .deb file, the directory in which the kernel was built, or what `ksplice-ts capture` wrote.';

/** The kernel that was built in a directory, if one was. */
export function findBuilt(root: string, { release }: WhichKernel): TreePlace | undefined {
  const vmlinuz = join(root, machine.image.path);
  return existsSync(vmlinuz) ? { release, vmlinuz, modules: root } : undefined;
}

/**
 * The kernel in a tree: the one that was asked for, or the only one.
 * @throws KspliceError `no-image`
 */
export function findInTree(root: string, { release, prefer }: WhichKernel): TreePlace {
  const kernels = kernelsIn(root);
  const releases = [...kernels.keys()];
  const wanted = release ?? (prefer !== undefined && kernels.has(prefer) ? prefer : undefined);
  const only = wanted ?? (releases.length === 1 ? releases[0] : undefined);
  if (releases.length === 0) throw withoutKernel(root, release ?? prefer);
  if (only === undefined) {
    const advice = 'Say which with --kernel RELEASE.';
    throw noImage(`${root} has several kernels: ${releases.join(', ')}`, advice);
  }
  const vmlinuz = kernels.get(only);
  if (vmlinuz === undefined) {
    if (releasesOfModules(root).includes(only)) throw withoutKernel(root, only);
    throw noImage(`${root} has ${releases.join(', ')}, not ${only}`);
  }
  const modules = modulePlaces(root, only).find((place) => existsSync(place));
  // A kernel that is among its modules came in a package without any.
  if (
    modules !== undefined &&
    vmlinuz.startsWith(modules) &&
    !existsSync(join(modules, 'kernel'))
  ) {
    throw noImage(
      `${root} has the kernel ${only} without its modules`,
      `They are in another package: unpack linux-modules-${only}, of the same version, to the same place.`,
    );
  }
  return { release: only, vmlinuz, modules };
}

/** The one or the other half of what is in two packages, or nothing of a kernel. */
function withoutKernel(root: string, wanted: string | undefined): KspliceError {
  const modules = releasesOfModules(root);
  const release = modules.find((one) => one === wanted) ?? modules[0];
  if (release === undefined) return noImage(`${root} holds no kernel (vmlinuz-RELEASE)`);
  return noImage(
    `${root} has the modules of ${release} without the kernel`,
    `It is in another package: unpack ${imagePackages(release)[0]}, of the same version, to the same place.`,
  );
}

function releasesOfModules(root: string): string[] {
  return modulePlaces(root, '')
    .filter((place) => existsSync(place))
    .flatMap((place) =>
      readdirSync(place).filter((name) => existsSync(join(place, name, 'kernel'))),
    )
    .sort();
}

/** Whether a tree has the kernel of that release. */
export function holdsKernel(root: string, release: string): boolean {
  return kernelsIn(root).has(release);
}

/** Where the modules of a release may be. */
export function modulePlaces(root: string, release: string): string[] {
  return ['lib', 'usr/lib'].map((lib) => join(root, lib, 'modules', release));
}

/** By release, the kernels; those in boot/ first. */
function kernelsIn(root: string): Map<string, string> {
  const kernels = new Map<string, string>();
  const boot = existsSync(join(root, 'boot')) ? join(root, 'boot') : root;
  for (const name of readdirSync(boot)) {
    const release = /^vmlinuz-(.+)$/.exec(name)?.[1];
    if (release !== undefined) kernels.set(release, join(boot, name));
  }
  for (const modules of modulePlaces(root, '')) {
    if (!existsSync(modules)) continue;
    for (const release of readdirSync(modules)) {
      const found = ['vmlinuz', 'vmlinuz.unsigned']
        .map((name) => join(modules, release, name))
        .find((path) => existsSync(path));
      if (found !== undefined && !kernels.has(release)) kernels.set(release, found);
    }
  }
  return kernels;
}

function noImage(message: string, advice = imageAdvice): KspliceError {
  return new KspliceError('no-image', message, { advice });
}
