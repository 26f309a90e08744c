// A kernel of which only the symbol map is at hand, and module files beside it:
// enough to compare a module's code with, for a module's code refers to the
// kernel's by address alone.

import type { ModuleFiles } from './image-kernel.js';
import { kernelFiles } from './kernel-files.js';
import type { KernelFiles } from './kernel-in-files.js';
import { Memory } from './memory.js';
import { type KernelSymbol, SymbolIndex } from './symbols.js';

/**
 * @param origin for messages
 * @param symbols the kernel proper's, by address
 * @param exported names of those that modules may use
 */
export function openSymbolMap(
  origin: string,
  release: string,
  symbols: readonly KernelSymbol[],
  exported: ReadonlySet<string>,
  modules: ModuleFiles,
): KernelFiles {
  const exports = new Map<string, bigint>();
  for (const { name, type, address } of symbols) {
    if (!exported.has(name)) continue;
    // A static function may have an exported one's name; map files have capitals for globals.
    if (!exports.has(name) || type === type.toUpperCase()) exports.set(name, address);
  }
  const index = new SymbolIndex(symbols);
  const memory = new Memory();
  const vmlinux = { release, version: '', segments: [], memory, symbols, index, exports };
  return kernelFiles(origin, vmlinux, modules);
}
