// Who refers to what inside one object.

import type { Relocation, Section } from '../elf/object.js';
import type { Part, Parts } from './parts.js';
import type { SectionRole } from './sections.js';
import { findTarget, type Target } from './targets.js';

/** One reference, from a part or from a section without parts. */
export interface Reference {
  readonly from: Part | undefined;
  readonly section: Section;
  readonly relocation: Relocation;
  readonly target: Target;
}

/**
 * Visits the references from sections of some roles to sections that
 * `wanted` accepts, in the order of sections and offsets.
 */
export function forEachReference(
  parts: Parts,
  roles: ReadonlySet<SectionRole>,
  wanted: (section: Section) => boolean,
  visit: (reference: Reference) => void,
): void {
  const { object } = parts;
  for (const section of object.sections) {
    const role = parts.roles[section.index];
    if (role === undefined || !roles.has(role)) continue;
    for (const relocation of object.relocations(section)) {
      const to = relocation.symbol.section;
      if (!to || !wanted(to)) continue;
      const from = parts.at(section, relocation.offset);
      visit({ from, section, relocation, target: findTarget(parts, section, relocation) });
    }
  }
}

/** Groups items by a key, both in their order. */
export function groupBy<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const name = key(item);
    const list = groups.get(name);
    if (list) list.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}
