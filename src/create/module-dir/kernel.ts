// Finds the file that was loaded as a module, and the facts about the kernel that
// follow from it. A module that the author built and loaded is in the module's
// directory; a module of the distribution is in the kernel's image; an installed
// module is where modprobe finds it.

import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { ElfObject } from '../../elf/object.js';
import { parseSymvers } from '../../extract/symvers.js';
import { decompressModule } from '../../kernel/decompress.js';
import type { ModuleFile, ModuleFiles } from '../../kernel/image-kernel.js';
import { openSymbolMap } from '../../kernel/map-kernel.js';
import { moduleNameOf, readModuleFile } from '../../kernel/module-files.js';
import { readModule } from '../../module/modinfo.js';
import type { KernelFacts } from '../tree/kernel-facts.js';

/** Module files by the name that lsmod shows. */
export class FoundModules implements ModuleFiles {
  private readonly files = new Map<string, ModuleFile>();

  /** For messages: the files' paths. */
  get origin(): string {
    return [...this.files.values()].map(({ path }) => path).join(', ');
  }

  get size(): number {
    return this.files.size;
  }

  has(name: string): boolean {
    return this.files.has(name);
  }

  read(name: string): ModuleFile | undefined {
    return this.files.get(name);
  }

  /** @throws KspliceError `bad-elf` */
  object(name: string): ElfObject | undefined {
    const file = this.files.get(name);
    return file && new ElfObject(file.data, file.path);
  }

  /**
   * @param paths of files, by the module's name
   * @throws KspliceError `io`, `bad-image`, `interrupted`
   */
  async add(paths: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void> {
    await inParallel([...paths], availableParallelism(), async ([name, path]) => {
      const data = await decompressModule(readModuleFile(path), path, signal);
      this.files.set(name, { path, data });
    });
  }
}

/**
 * The files of loaded modules, as far as they are not in the kernel's image.
 * @param names the modules
 * @param directory the user's, with the modules that were built in it
 * @throws KspliceError `kernel-mismatch` if a file is a module of another kernel
 */
export async function findLoaded(
  names: readonly string[],
  directory: string,
  release: string,
  image: KernelFacts['image'],
  ui: Ui,
): Promise<FoundModules> {
  const found = new FoundModules();
  const built = modulesIn(directory);
  for (const name of names) {
    const there = built.get(name);
    const inImage = image?.kernel.hasTarget(name) ?? false;
    const path = there ?? (inImage ? undefined : await installed(name, release, ui));
    if (path === undefined) continue;
    await found.add(new Map([[name, path]]), ui.signal);
    refuseOtherKernel(found.read(name)!, release);
  }
  return found;
}

/** All modules that were built in a directory. */
export function modulesIn(directory: string): Map<string, string> {
  const modules = new Map<string, string>();
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const name = moduleNameOf(entry);
    if (name !== undefined) modules.set(name, join(directory, entry));
  }
  return modules;
}

/** Where modprobe finds a module. */
async function installed(name: string, release: string, ui: Ui): Promise<string | undefined> {
  try {
    const { status, stdout } = await runTool('modinfo', ['-k', release, '-n', name], {
      cwd: '/',
      signal: ui.signal,
    });
    const path = stdout.trim();
    return status === 0 && path.startsWith('/') ? path : undefined;
  } catch (error) {
    // Without kmod there is nothing to be found.
    if (error instanceof KspliceError && error.code === 'missing-tool') return undefined;
    throw error;
  }
}

function refuseOtherKernel({ path, data }: ModuleFile, wanted: string): void {
  const { release } = readModule(data, path);
  if (release === wanted) return;
  throw new KspliceError(
    'kernel-mismatch',
    `${path} is a module of ${release}, but the configuration is for ${wanted}`,
    {
      advice: `Run configure for ${release}, or remove the file if it is not the loaded module.`,
    },
  );
}

/** What building a module's directory has told. */
export interface BuiltModules {
  readonly targets: readonly string[];
  /** The loaded module, if its file is there. */
  readonly loaded: FoundModules;
  /** Built now, from the directory. */
  readonly rebuilt: FoundModules;
  /** Module.symvers files with the exports of these and of other modules that they use. */
  readonly symvers: readonly string[];
}

/**
 * The facts about the kernel with what is known of a directory's modules. A module
 * whose file is not at hand cannot be compared; that it is built again from the
 * same directory still tells the positions of its symbols.
 */
export function withModules(
  facts: KernelFacts,
  { targets, loaded, rebuilt, symvers }: BuiltModules,
  release: string,
): KernelFacts {
  const exports = new Map(facts.exports);
  for (const file of symvers) {
    for (const [name, symbol] of parseSymvers(readFileSync(file, 'utf8'), file)) {
      exports.set(name, symbol);
    }
  }
  const { image, symbols } = facts;
  const isThere = (name: string) => loaded.has(name) || image?.kernel.hasTarget(name);
  const more = { ...facts, exports, symvers, modules: rebuilt };
  if (!targets.every(isThere)) return { ...more, image: undefined };
  if (loaded.size === 0) return more;
  const extended = image?.withModules(loaded, loaded.origin);
  // A capture holds only what was loaded at the time.
  if (extended && targets.every((name) => extended.kernel.hasTarget(name))) {
    return { ...more, image: extended };
  }
  const exported = new Set(facts.exports.keys());
  return {
    ...more,
    image: openSymbolMap(loaded.origin, release, symbols, exported, loaded),
  };
}

/** What a module calls things in its messages; one byte a character. */
export function stringsOf(module: ElfObject): string {
  return module.sections
    .filter(({ name }) => name.startsWith('.rodata'))
    .map((section) => section.data.toString('latin1'))
    .join('\0');
}
