// What kind of variable a section of data holds: how code has to reach it, whether
// the running kernel lets anybody write to it, and who reads it besides. Two
// variables of one name are one variable only if they are of one kind: code made for
// the other kind would write where it must not, or look for a copy of each CPU in
// plain memory. Whether it begins with zeros (.bss or .data) and how it is laid out
// among others (read mostly, aligned to cache lines) makes no kind.
//
// The names are those that the linker scripts of the kernel and the module loader go by.

import { SHF_WRITE } from '../elf/constants.js';
import type { Section } from '../elf/object.js';
import type { Part } from './parts.js';

export type DataKind = 'per-cpu' | 'read-only after init' | 'decrypted' | 'read-only' | 'writable';

/** In order, first match wins; what no name tells, the flags do. */
const kinds: readonly (readonly [RegExp, DataKind])[] = [
  // PERCPU_INPUT: an offset from the base of each CPU's area, not an address.
  [/^\.data\.\.percpu(\.\.|$)/, 'per-cpu'],
  // RO_AFTER_INIT_DATA; SHF_RO_AFTER_INIT in the module loader.
  [/^\.data\.\.ro_after_init(\.|$)/, 'read-only after init'],
  // Shared with the host of an encrypted guest. Boot code does that; the module loader does not.
  [/^\.(bss|data)\.\.decrypted(\.|$)/, 'decrypted'],
  // RO_DATA: relocated before the kernel runs, then read-only, whatever the flags say.
  [/^\.data\.rel\.ro(\.|$)|^\.rodata(\.|$)/, 'read-only'],
];

/** The kind of the variables in a section of data. */
export function dataKind({ name, flags }: Section): DataKind {
  const known = kinds.find(([pattern]) => pattern.test(name));
  return known?.[1] ?? (flags & SHF_WRITE ? 'writable' : 'read-only');
}

/** Whether two variables may be one, as far as their sections tell. */
export function isOneKind(pre: Part, post: Part): boolean {
  if (pre.role !== 'data' || post.role !== 'data') return true;
  return dataKind(pre.section) === dataKind(post.section);
}

/** The sections of per-cpu variables that the module loader can make room for: as one, under this name. */
export const PER_CPU_SECTION = '.data..percpu';

/**
 * Why a new variable cannot be in a section of data, though a variable of the kernel proper can;
 * undefined if it can. Other sections for per-cpu variables become PER_CPU_SECTION.
 */
export function whyNotInModule(section: Section): string | undefined {
  if (dataKind(section) === 'decrypted' || section.name === `${PER_CPU_SECTION}..decrypted`) {
    return 'decrypted memory is set up at boot';
  }
  if (section.name === `${PER_CPU_SECTION}..first`) {
    return "the first variables in each CPU's area were put there when the kernel was linked";
  }
  return undefined;
}
