// New per-cpu variables. The module loader gives room to one section of them,
// .data..percpu, out of a small reserve that all modules share. So those with a suffix
// (..read_mostly, ..shared_aligned), which the linker puts together for the kernel proper
// and not for a module, become that one; and what else is in a section of the object,
// which the running kernel has, is left out.

import { dataKind, PER_CPU_SECTION } from '../diff/data-kinds.js';
import type { Extent } from '../diff/extents.js';
import { badElf } from '../elf/bytes.js';
import { SHT_NOBITS, SHT_PROGBITS } from '../elf/constants.js';
import { copySection, type ModelSection } from '../elf/model.js';
import type { ElfObject, Section } from '../elf/object.js';

/** A section of which only some stretches are kept, one behind the other. */
export interface Packed {
  readonly section: ModelSection;
  /** Where an offset of the old section is now; undefined for what is not kept. */
  at(offset: number): number | undefined;
}

/** Far more than any kernel has room for. */
const LARGEST = 1 << 24;

export function isPerCpu(section: Section): boolean {
  return dataKind(section) === 'per-cpu';
}

/** @param kept stretches of the section, each a variable */
export function packPerCpu(section: Section, kept: readonly Extent[]): Packed {
  const moved: { readonly start: number; readonly end: number; readonly to: number }[] = [];
  let size = 0;
  for (const { start, end } of [...kept].sort((a, b) => a.start - b.start)) {
    const to = alignUp(size, alignmentAt(section, start));
    moved.push({ start, end, to });
    size = to + end - start;
  }
  if (size > LARGEST) throw badElf(section.name, 'its variables are too large');
  const data = Buffer.alloc(size);
  if (section.type !== SHT_NOBITS) {
    for (const { start, end, to } of moved) section.data.copy(data, to, start, end);
  }
  const copy = { ...copySection(section), name: PER_CPU_SECTION, type: SHT_PROGBITS, data, size };
  return {
    section: copy,
    at: (offset) => {
      const found = moved.find(({ start, end }) => offset >= start && offset < end);
      return found && found.to + offset - found.start;
    },
  };
}

/** Bytes that the loader will ask for, for each CPU, when sections of this object are one. */
export function perCpuSize(object: ElfObject): number {
  return object
    .sectionsNamed(PER_CPU_SECTION)
    .reduce((end, { addralign, size }) => alignUp(end, Math.max(addralign, 1)) + size, 0);
}

/** What the place of a variable says about the alignment that it needs, at most its section's. */
function alignmentAt({ addralign }: Section, offset: number): number {
  let alignment = Math.max(addralign, 1);
  while (offset % alignment !== 0) alignment = Math.max(Math.floor(alignment / 2), 1);
  return alignment;
}

function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
