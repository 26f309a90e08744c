// Whether two objects can be compared at all: relocatable, with symbols, and
// made by the same compiler, whose section names the differ knows.

import { KspliceError } from '../base/errors.js';
import { ET_REL, SHF_ALLOC, STT_FILE } from '../elf/constants.js';
import type { ElfObject } from '../elf/object.js';

/** @throws KspliceError `unsupported-object` */
export function checkObjects(pre: ElfObject, post: ElfObject): void {
  for (const object of [pre, post]) {
    refuseInstrumented(object);
    if (object.type !== ET_REL) {
      throw unsupported(
        object,
        'is not a relocatable object',
        'Give the .o file that the compiler makes, not a linked file.',
      );
    }
    if (!hasSymbols(object) && hasContent(object)) {
      throw unsupported(object, 'has no symbols', 'It was stripped; compile it again.');
    }
  }
  const [before, after] = [compilers(pre).join(), compilers(post).join()];
  if (before !== after && before !== '' && after !== '') {
    throw unsupported(
      post,
      `was compiled by ${after}, the other object by ${before}`,
      'Compile both with the compiler that the kernel was made with.',
    );
  }
}

function hasSymbols({ symbols }: ElfObject): boolean {
  return symbols.some((symbol) => symbol.name !== '' && symbol.type !== STT_FILE);
}

/** The old object of a file that a patch adds has none. */
function hasContent({ sections }: ElfObject): boolean {
  return sections.some(
    ({ flags, size, name }) => flags & SHF_ALLOC && size > 0 && !name.startsWith('.note'),
  );
}

/** What flags of the compiler make of an object that looks sound, and would be misread. */
function refuseInstrumented(object: ElfObject): void {
  if (object.sections.some(({ name }) => name.startsWith('.gnu.lto_'))) {
    throw unsupported(
      object,
      'was compiled with -flto: its code is made only when everything is linked',
      'Only code that is compiled object by object can be compared: take -flto out of the flags if the running code was built without it.',
    );
  }
  if (object.symbols.some(({ name }) => name.startsWith('__gcov0.'))) {
    throw unsupported(
      object,
      'was compiled for gcov: the kernel learned of its counters at boot or when the module was loaded, and new code has other counters',
      'Build the running code without GCOV_PROFILE for this object (GCOV_PROFILE_NAME.o := n), or take -fprofile-arcs out of the flags.',
    );
  }
}

/** What compilers say of themselves in `.comment`; nothing in assembled objects. */
function compilers(object: ElfObject): string[] {
  const text = object.section('.comment')?.data.toString('latin1') ?? '';
  return [...new Set(text.split('\0').filter((line) => line !== ''))].sort();
}

function unsupported(object: ElfObject, what: string, advice: string): KspliceError {
  return new KspliceError('unsupported-object', `${object.name} ${what}`, { advice });
}
