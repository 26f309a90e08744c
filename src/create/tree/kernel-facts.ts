// What is known of the kernel that the update is for: symbols, exports, modules,
// and its image where there is one.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemsError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import type { Confdir } from '../../configure/confdir.js';
import { imageProblem } from '../../configure/fit.js';
import { readHeaders } from '../../configure/headers.js';
import { SHF_ALLOC } from '../../elf/constants.js';
import type { ElfObject } from '../../elf/object.js';
import { KernelSymbols } from '../../extract/kernel-symbols.js';
import { type ExportedSymbol, parseSymvers } from '../../extract/symvers.js';
import type { ModuleFiles } from '../../kernel/image-kernel.js';
import { readSystemMap } from '../../kernel/kallsyms-text.js';
import { openKernelImage } from '../../kernel/kernel-files.js';
import type { KernelFiles } from '../../kernel/kernel-in-files.js';
import type { KernelSymbol } from '../../kernel/symbols.js';

export interface KernelFacts {
  /** The kernel proper's symbols, by address. */
  readonly symbols: readonly KernelSymbol[];
  readonly exports: ReadonlyMap<string, ExportedSymbol>;
  /** Undefined if there is no image: nothing is proved then. */
  readonly image: KernelFiles | undefined;
  /** Files of modules that were built here, for the symbols of those of which no file was loaded. */
  readonly modules?: ModuleFiles | undefined;
  /** Module.symvers files of modules that are not the kernel's. */
  readonly symvers?: readonly string[] | undefined;
}

/**
 * Reads a confdir's System.map and Module.symvers, and the kernel's image.
 * @param given the image to take in place of the confdir's
 * @throws KspliceError as openKernelImage(); `kernel-mismatch` for the image of another build
 */
export async function readKernelFacts(
  confdir: Confdir,
  given: string | undefined,
  ui: Ui,
): Promise<KernelFacts> {
  const path = given ?? confdir.image;
  const image = path === undefined ? undefined : await openFitting(path, confdir, ui);
  const symvers = join(confdir.build, 'Module.symvers');
  return {
    symbols: readSystemMap(confdir.systemMap),
    exports: parseSymvers(readFileSync(symvers, 'utf8'), symvers),
    image,
  };
}

// What configure linked may have been upgraded since.
async function openFitting(path: string, confdir: Confdir, ui: Ui): Promise<KernelFiles> {
  const image = await openKernelImage(path, ui, { release: confdir.release });
  const problem = imageProblem(image, readHeaders(confdir.build), path);
  if (problem) throw problemsError(problem.code, 'nothing can be proved', [problem]);
  return image;
}

/**
 * A test whether the running kernel's symbol table has a name.
 * @param objects stand for the target where its module file is not at hand:
 *   a module keeps all symbols of its objects
 */
export function kallsymsTest(
  facts: KernelFacts,
  module: ElfObject | undefined,
  objects: readonly ElfObject[],
): (name: string) => boolean {
  const kernel = KernelSymbols.of(facts.symbols);
  const names = new Set<string>();
  for (const object of module ? [module] : objects) {
    for (const { name, section } of object.symbols) {
      // Symbols of init sections go when the module's init is through.
      if (section && section.flags & SHF_ALLOC && !section.name.startsWith('.init')) {
        names.add(name);
      }
    }
  }
  return (name) => kernel.has(name) || facts.exports.has(name) || names.has(name);
}
