// The key of a jump label or a static call may be exported by another module. Only the file of that module
// shows whether the key is already read-only: System.map has only the symbols of the kernel proper.

import type { ElfObject, ElfSymbol } from '../../elf/object.js';
import { moduleFile } from '../module-dir/module-file.js';
import type { KernelFacts } from '../tree/kernel-facts.js';
import type { ChangedTarget } from '../values.js';

/** Files of the modules that export the static keys that a target's objects use, by name. */
export async function keyExporters(
  { target, objects }: ChangedTarget,
  facts: KernelFacts,
): Promise<Map<string, ElfObject>> {
  const names = new Set<string>();
  for (const { diff } of objects) {
    for (const { name, section } of keysOf(diff.post)) {
      const module = section ? undefined : facts.exports.get(name)?.module;
      if (module !== undefined && module !== 'vmlinux' && module !== target) names.add(module);
    }
  }
  const files = new Map<string, ElfObject>();
  for (const name of names) {
    const file = await moduleFile(name, facts);
    if (file) files.set(name, file);
  }
  return files;
}

/** Keys of jump labels and static calls. */
function keysOf(object: ElfObject): ElfSymbol[] {
  const tables = object.sectionsNamed('__jump_table');
  const jumps = tables.flatMap((table) => object.relocations(table).map(({ symbol }) => symbol));
  return [...jumps, ...object.symbols.filter(({ name }) => name.startsWith('__SCK__'))];
}
