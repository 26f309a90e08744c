// What an ELF file's numbers mean on the machine that it is for. Apart from the rest
// of the machine, because src/elf is built on it and it is built on nothing.

import type { Relocations } from './relocation-types.js';
import { relocations as x86 } from './x86/relocations.js';

/** The relocations of the machine that updates are made for. */
export const relocations: Relocations = x86;

/** The shape of a relocation type, or undefined for one that kernel objects do not use. */
export const relocationShape = relocations.shape;
