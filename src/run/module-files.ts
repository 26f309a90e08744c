// Module files by module name, from a directory tree.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KspliceError } from '../errors.js';
import { decompressModule } from './decompress.js';
import type { ModuleFile, ModuleFiles } from './image-kernel.js';

const MODULE_FILE = /^([A-Za-z0-9_-]+)\.ko(\.gz|\.xz|\.zst)?$/;

/** The name of the module in a file, or undefined if the file's name is no module's. */
export function moduleNameOf(path: string): string | undefined {
  // Kbuild turns dashes into underscores in the name that the kernel knows.
  return MODULE_FILE.exec(basename(path))?.[1]?.replaceAll('-', '_');
}

/** All modules under a directory such as /lib/modules/6.1.0-56-amd64. */
export class ModuleDirectory implements ModuleFiles {
  private readonly paths = new Map<string, string>();

  /** @throws KspliceError `io` */
  constructor(directory: string) {
    let entries: string[];
    try {
      entries = readdirSync(directory, { recursive: true, encoding: 'utf8' });
    } catch (cause) {
      throw new KspliceError('io', `cannot list ${directory}`, { cause });
    }
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
    let file: Buffer;
    try {
      file = readFileSync(path);
    } catch (cause) {
      throw new KspliceError('io', `cannot read ${path}`, { cause });
    }
    return { path, data: decompressModule(file, path) };
  }
}
