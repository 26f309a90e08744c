// Objects that clang made, with the names and sections that gcc would have given. clang calls the
// static local `count` of a function `walk` "walk.count", and a second one in it "walk.count.1". So
// the name does not say which variable one is if there are several, and nothing may be paired by
// it: with numbers, as gcc has them, static-locals.ts looks for evidence.

import { SHF_MERGE, SHF_STRINGS, STB_LOCAL, STT_OBJECT } from '../elf/constants.js';
import { type ModelSection, type ModelSymbol, modelOf } from '../elf/model.js';
import { ElfObject } from '../elf/object.js';
import { writeObject } from '../elf/writer.js';

/** Which symbols other objects may compare by address: nothing in a kernel reads it. */
const ADDRESSES = '.llvm_addrsig';

export function isOfClang(object: ElfObject): boolean {
  const compiler = object.section('.comment')?.data.toString('latin1') ?? '';
  return object.section(ADDRESSES) !== undefined || /clang|LLD/.test(compiler);
}

/**
 * @returns the object itself, if gcc made it
 * @throws KspliceError `bad-elf` or `unsupported-object`
 */
export function withGccNames(object: ElfObject): ElfObject {
  if (!isOfClang(object)) return object;
  const model = modelOf(object);
  const named = new Set<ModelSection>();
  let number = 0;
  for (const symbol of model.symbols) {
    if (symbol.type === STT_OBJECT && symbol.section) named.add(symbol.section);
    const variable = staticLocal(symbol);
    if (variable !== undefined) symbol.name = `${variable}.${number++}`;
  }
  const sections = model.sections.filter(({ name }) => name !== ADDRESSES);
  for (const section of sections) {
    if (!named.has(section) || !(section.flags & SHF_MERGE) || section.flags & SHF_STRINGS)
      continue;
    // A constant with a name is a variable, and may have an address that counts.
    section.name = section.name.replace(/\.cst\d+$/, '');
    section.flags &= ~SHF_MERGE;
    section.entsize = 0;
  }
  return new ElfObject(writeObject({ ...model, sections }), object.name);
}

/**
 * The name in the source of a static local: no name in C has a dot. `__func__` of a function is
 * called "__func__.walk", and tables of the compiler "switch.table.walk".
 */
function staticLocal({ name, type, binding, section }: ModelSymbol): string | undefined {
  if (type !== STT_OBJECT || binding !== STB_LOCAL || !section) return undefined;
  const [, first, second] = /^(\w+)\.(\w+)(\.\d+)?$/.exec(name) ?? [];
  if (first === undefined || second === undefined || /^\d/.test(second)) return undefined;
  return /^__(func|FUNCTION|PRETTY_FUNCTION)__$/.test(first) ? first : second;
}
