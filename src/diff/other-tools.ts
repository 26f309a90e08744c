// What patches say to kpatch (kmodsrc/include/kpatch-macros.h) and what it means here. Callbacks are
// hooks by then; what is left is told, for it has no effect.

import { relocationsIn, wholeSection } from './extents.js';
import type { Parts } from './parts.js';
import { findTarget } from './targets.js';

/**
 * What the author of the patch should know.
 * @param parts of the post object
 * @param replaced names of the functions that are replaced
 */
export function remarksOnKpatch(parts: Parts, replaced: ReadonlySet<string>): string[] {
  const ignored = namesIn(parts, '.kpatch.ignore.functions').filter((name) => replaced.has(name));
  const forced = namesIn(parts, '.kpatch.force');
  const sections = parts.object.section('.kpatch.ignore.sections');
  return [
    ...ignored.map(
      (name) =>
        `KPATCH_IGNORE_FUNCTION(${name}) has no effect: the function changes, and is replaced`,
    ),
    ...forced.map(
      (name) =>
        `KPATCH_FORCE_UNSAFE(${name}) has no effect: if tasks are always in it, give --allow-busy ${name}`,
    ),
    ...(sections ? ['KPATCH_IGNORE_SECTION() has no effect: all sections are compared'] : []),
  ];
}

function namesIn(parts: Parts, name: string): string[] {
  const section = parts.object.section(name);
  if (!section) return [];
  return relocationsIn(parts.object, wholeSection(section)).flatMap((relocation) => {
    const target = findTarget(parts, section, relocation);
    return target.kind === 'part' ? [target.part.symbol.name] : [];
  });
}
