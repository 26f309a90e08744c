// Sections that are compared as a whole, by name: code without any symbol, and
// what no reference leads to because the linker or the loader collects it.

import { SHF_MERGE } from '../elf/constants.js';
import type { Section } from '../elf/object.js';
import type { Comparison } from './compare.js';
import { wholeSection } from './extents.js';
import type { Parts } from './parts.js';
import type { SectionRole } from './sections.js';

/** A section name whose contents differ between the two objects. */
export interface ChangedSection {
  readonly name: string;
  readonly role: SectionRole;
}

/** Finds the sections of this kind that differ. */
export function changedSections(comparison: Comparison): ChangedSection[] {
  const pres = bareSections(comparison.pre.parts);
  const posts = bareSections(comparison.post.parts);
  const changed: ChangedSection[] = [];
  for (const name of new Set([...pres.keys(), ...posts.keys()])) {
    const left = pres.get(name) ?? [];
    const right = posts.get(name) ?? [];
    const role = roleOf(comparison.post.parts, right) ?? roleOf(comparison.pre.parts, left);
    // An export's section is named after the symbol and holds nothing else.
    const differs =
      left.length !== right.length ||
      (role !== 'export' &&
        left.some((section, i) => {
          const other = right[i];
          return !other || comparison.extents(wholeSection(section), wholeSection(other));
        }));
    if (differs && role) changed.push({ name, role });
  }
  return changed;
}

function roleOf(parts: Parts, sections: readonly Section[]): SectionRole | undefined {
  return sections[0] && parts.roles[sections[0].index];
}

function bareSections(parts: Parts): Map<string, Section[]> {
  const result = new Map<string, Section[]>();
  for (const section of parts.object.sections) {
    if (!isComparedWhole(parts, section)) continue;
    const list = result.get(section.name);
    if (list) list.push(section);
    else result.set(section.name, [section]);
  }
  return result;
}

function isComparedWhole(parts: Parts, section: Section): boolean {
  if (section.size === 0) return false;
  switch (parts.roles[section.index]) {
    case 'module-info':
    case 'export':
      return true;
    case 'code':
    case 'unknown':
      return parts.inSection(section).length === 0;
    case 'init':
      // The strings of __init functions are compared where they are used.
      return parts.inSection(section).length === 0 && !(section.flags & SHF_MERGE);
    default:
      return false;
  }
}
