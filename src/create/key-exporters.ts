// Whether a static key that another module exports is read-only by now is in that
// module's file alone: System.map has only the kernel proper's symbols.

import type { ElfObject } from '../elf/object.js';
import type { ChangedTarget } from './differences.js';
import type { KernelFacts } from './kernel-facts.js';
import { moduleFile } from './module-file.js';

/** Files of the modules that export the static keys which a target's objects use, by name. */
export async function keyExporters(
  { target, objects }: ChangedTarget,
  facts: KernelFacts,
): Promise<Map<string, ElfObject>> {
  const names = new Set<string>();
  for (const { diff } of objects) {
    for (const table of diff.post.sectionsNamed('__jump_table')) {
      for (const { symbol } of diff.post.relocations(table)) {
        const module = symbol.section ? undefined : facts.exports.get(symbol.name)?.module;
        if (module !== undefined && module !== 'vmlinux' && module !== target) names.add(module);
      }
    }
  }
  const files = new Map<string, ElfObject>();
  for (const name of names) {
    const file = await moduleFile(name, facts);
    if (file) files.set(name, file);
  }
  return files;
}
