// Objects that clang made, with the sections that gcc would have given. What clang calls a static
// local is in names.ts.

import { SHF_MERGE, SHF_STRINGS, STT_OBJECT } from '../elf/constants.js';
import { modelOf } from '../elf/model.js';
import { ElfObject } from '../elf/object.js';
import { writeObject } from '../elf/writer.js';

/** Which symbols other objects may compare by address: nothing in a kernel reads it. */
const ADDRESSES = '.llvm_addrsig';

/** Whether clang made it; with gcc's sections as well. */
export function isOfClang(object: ElfObject): boolean {
  const compiler = object.section('.comment')?.data.toString('latin1') ?? '';
  return object.section(ADDRESSES) !== undefined || /clang|LLD/.test(compiler);
}

/**
 * @returns the object itself, if gcc made it
 * @throws KspliceError `bad-elf` or `unsupported-object`
 */
export function withGccSections(object: ElfObject): ElfObject {
  if (!isOfClang(object)) return object;
  const model = modelOf(object);
  const named = new Set(
    model.symbols.flatMap(({ type, section }) => (type === STT_OBJECT && section ? [section] : [])),
  );
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
