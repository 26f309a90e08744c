// Turns a finished module into a livepatch module: symbols that the kernel
// does not export are resolved by the stock module loader, by name and
// position in kallsyms, before it processes alternatives, jump labels and
// static calls. See kernel/livepatch/core.c, klp_apply_section_relocs(), and
// Documentation/livepatch/module-elf-format.rst. klp_enable_patch() and the
// rest of livepatch play no part.

import { KspliceError } from '../base/errors.js';
import * as C from '../elf/constants.js';
import { type ModelSection, type ModelSymbol, modelOf, type ObjectModel } from '../elf/model.js';
import { ElfObject } from '../elf/object.js';
import { writeObject } from '../elf/writer.js';

/** What an undefined symbol of a module stands for. */
export interface KlpBinding {
  /** The undefined symbol in the module. */
  readonly symbol: string;
  /** "vmlinux" or the name of a module, as in kallsyms (with underscores). */
  readonly object: string;
  /** The symbol's name in kallsyms. */
  readonly name: string;
  /**
   * Which of the symbols of that name, from 1: in a module by order of its
   * symbol table, in vmlinux by address. Never 0 ("must be unique"): with 0
   * the loader walks all of kallsyms to the end, for each relocation.
   */
  readonly position: number;
  /** The position is right only when the module's init is through, and its init code gone. */
  readonly behindInit?: boolean | undefined;
  /** What it is, if it is new code of an update below, or of another target. */
  readonly added?: 'function' | 'data' | undefined;
}

/** In a module's modinfo: what makes the loader look at the rest. */
export const KLP_MODINFO = 'livepatch=Y';

/**
 * A module with its klp symbols marked and their relocations moved to
 * `.klp.rela.vmlinux.SECTION`, and `livepatch=Y` in its modinfo.
 *
 * All relocations go to "vmlinux" sections, whatever object their symbol is
 * in: those are the ones the loader applies when the module itself is loaded,
 * and they may refer to any module that is already there.
 *
 * @param ko the module as kbuild linked it, not yet signed
 * @param bindings of the undefined symbols to convert; those that the module
 *   does not use are ignored
 * @throws KspliceError `bad-elf`, `unsupported-object`
 */
export function convertToLivepatch(ko: Buffer, bindings: readonly KlpBinding[]): Buffer {
  const object = new ElfObject(ko, 'module');
  const model = modelOf(object);
  const marked = markSymbols(model, bindings);
  for (const section of model.sections) moveRelocations(section, marked);
  addModinfo(model, KLP_MODINFO);
  return writeObject(model);
}

/** The names of all symbols that a module leaves to the loader. */
export function undefinedSymbols(object: ElfObject): string[] {
  return object.symbols
    .filter((symbol) => symbol.shndx === C.SHN_UNDEF && symbol.name !== '')
    .map((symbol) => symbol.name);
}

/** The name by which the loader finds a binding's symbol. */
export function klpSymbolName(binding: KlpBinding): string {
  return `.klp.sym.${binding.object}.${binding.name},${binding.position}`;
}

/** As the loader reads it: sscanf(".klp.sym.%55[^.].%511[^,],%lu"). */
const KLP_SYMBOL = /^\.klp\.sym\.([^.]{1,55})\.([^,]{1,511}),(\d{1,9})$/;

/** What such a name says; undefined for one that the loader would not understand. */
export function readKlpSymbolName(text: string): Omit<KlpBinding, 'symbol'> | undefined {
  const [, object, name, position] = KLP_SYMBOL.exec(text) ?? [];
  if (object === undefined || name === undefined) return undefined;
  return { object, name, position: Number(position) };
}

function markSymbols(model: ObjectModel, bindings: readonly KlpBinding[]): Set<ModelSymbol> {
  const byName = new Map(bindings.map((binding) => [binding.symbol, binding]));
  const marked = new Set<ModelSymbol>();
  for (const symbol of model.symbols) {
    const binding = byName.get(symbol.name);
    if (!binding || symbol.section || symbol.shndx !== C.SHN_UNDEF) continue;
    symbol.name = klpSymbolName(binding);
    symbol.shndx = C.SHN_LIVEPATCH;
    // The loader takes no notice of weak ones: the symbol is there or the load fails.
    symbol.binding = C.STB_GLOBAL;
    marked.add(symbol);
  }
  return marked;
}

function moveRelocations(section: ModelSection, marked: ReadonlySet<ModelSymbol>): void {
  const moved = section.relocations.filter((relocation) => marked.has(relocation.symbol));
  if (moved.length === 0) return;
  section.relocations = section.relocations.filter((relocation) => !marked.has(relocation.symbol));
  // The loader skips sections that are not loaded (debug information): dropped.
  if (section.flags & C.SHF_ALLOC) section.livepatchRelocations = moved;
}

function addModinfo(model: ObjectModel, line: string): void {
  const modinfo = model.sections.find((section) => section.name === '.modinfo');
  if (!modinfo) {
    throw new KspliceError('unsupported-object', 'the module has no .modinfo section', {
      advice: 'Convert the .ko that kbuild links, not one of the objects it is linked from.',
    });
  }
  modinfo.data = Buffer.concat([modinfo.data, Buffer.from(`${line}\0`)]);
  modinfo.size = modinfo.data.length;
}
