// Module files by module name, from a directory tree.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { KspliceError } from '../base/errors.js';
import { inParallel } from '../base/parallel.js';
import { moduleName } from '../module/loaded-name.js';
import { decompressModule, decompressModuleNow } from './decompress.js';
import type { ModuleFile, ModuleFiles } from './image-kernel.js';

const MODULE_FILE = /^([A-Za-z0-9_-]+)\.ko(\.gz|\.xz|\.zst)?$/;

/** The name of the module in a file, or undefined if the file's name is no module's. */
export function moduleNameOf(path: string): string | undefined {
  const name = MODULE_FILE.exec(basename(path))?.[1];
  return name === undefined ? undefined : moduleName(name);
}

/** All modules under a directory such as /lib/modules/6.1.0-56-amd64, or in which a kernel was built. */
export class ModuleDirectory implements ModuleFiles {
  private readonly paths = new Map<string, string>();
  private readonly ready = new Map<string, ModuleFile>();

  /**
   * @param signal stops what `prepare` has begun
   * @throws KspliceError `io`
   */
  constructor(
    directory: string,
    private readonly signal: AbortSignal = new AbortController().signal,
  ) {
    const entries = builtModules(directory) ?? allFiles(directory);
    // updates/ and its like come after kernel/: the distribution's own files win.
    for (const entry of entries.sort()) {
      const name = moduleNameOf(entry);
      if (name === undefined) continue;
      if (!this.paths.has(name) || entry.startsWith('kernel/')) {
        this.paths.set(name, join(directory, entry));
      }
    }
  }

  has(name: string): boolean {
    return this.paths.has(name);
  }

  read(name: string): ModuleFile | undefined {
    const path = this.paths.get(name);
    if (path === undefined) return undefined;
    return this.ready.get(name) ?? { path, data: decompressModuleNow(readModuleFile(path), path) };
  }

  async prepare(names: readonly string[]): Promise<void> {
    const wanted = names.filter((name) => this.has(name) && !this.ready.has(name));
    await inParallel(wanted, availableParallelism(), async (name) => {
      const path = this.paths.get(name)!;
      const data = await decompressModule(readModuleFile(path), path, this.signal);
      this.ready.set(name, { path, data });
    });
  }
}

/**
 * A module's file as it is, compressed or not.
 * @throws KspliceError `io`
 */
export function readModuleFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new KspliceError('io', `cannot read ${path}`, { cause });
  }
}

function allFiles(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch (cause) {
    throw new KspliceError('io', `cannot list ${directory}`, { cause });
  }
}

/**
 * What kbuild lists in the directory in which it built a kernel: "net/sctp/sctp.ko", since 6.4 the
 * object that it is linked from. (An installed modules.order has the same with "kernel/" before it.)
 */
function builtModules(directory: string): string[] | undefined {
  if (!existsSync(join(directory, 'scripts/basic'))) return undefined;
  const list = join(directory, 'modules.order');
  // Without it no modules were built.
  const order = existsSync(list) ? readFileSync(list, 'utf8') : '';
  return order.split('\n').map((line) => line.replace(/\.o$/, '.ko'));
}
