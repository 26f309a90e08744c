// Variables whose content changed although they existed before. A writable one is
// a refusal: the running kernel has its own value, even where only boot-time code
// mentions it, for that may have handed it out (a table that is registered). A constant
//
// - of the same size keeps its place, and its new content is written over the old:
//   whoever has its address sees it;
// - of another size, that is this file's own and that only code reads (`static const
//   u8 rates[]`): all functions that read it are replaced and read the new one. Not if
//   it holds addresses of functions: a table of operations has been handed to others.

import { SHF_WRITE, STB_LOCAL } from '../elf/constants.js';
import type { Comparison } from './compare.js';
import { relocationsIn } from './extents.js';
import type { IsNewcomer } from './newcomers.js';
import type { Part } from './parts.js';
import { forEachReference } from './references.js';
import type { SectionRole } from './sections.js';
import type { Side } from './side.js';
import { findTarget } from './targets.js';

/** What becomes of a changed variable. */
export type DataFate = 'replaced' | 'written' | 'refused';

/** The fates of changed variables, and the functions that have to be replaced with them. */
export interface DataFates {
  readonly fates: ReadonlyMap<Part, DataFate>;
  /** Of each replaced constant the post functions that read it. */
  readonly readers: ReadonlyMap<Part, readonly Part[]>;
}

const everyone: ReadonlySet<SectionRole> = new Set([
  'code',
  'data',
  'strings',
  'constants',
  'replacement',
  'table',
  'init',
  'module-info',
  'unknown',
]);

/**
 * Decides about changed variables.
 * @param changed pre part → post part
 */
export function decideDataFates(
  comparison: Comparison,
  changed: ReadonlyMap<Part, Part>,
  isNewcomer: IsNewcomer,
): DataFates {
  const fates = new Map<Part, DataFate>();
  const readers = new Map<Part, readonly Part[]>();
  if (changed.size === 0) return { fates, readers };
  const preUsers = users(comparison.pre, new Set(changed.keys()));
  const postUsers = users(comparison.post, new Set(changed.values()));
  for (const [pre, post] of changed) {
    const all = [...(preUsers.get(pre) ?? []), ...(postUsers.get(post) ?? [])];
    const isOwn = pre.symbol.binding === STB_LOCAL && post.symbol.binding === STB_LOCAL;
    const isConstant = !((pre.section.flags | post.section.flags) & SHF_WRITE);
    const isData = pre.role === 'data' && post.role === 'data' && !pre.isFunction;
    const isSameSize = pre.end - pre.start === post.end - post.start;
    let fate: DataFate = 'refused';
    // An update's own copy is no part of what is matched, and so not written over.
    if (isData && isConstant && isSameSize && !isNewcomer(pre.symbol)) {
      fate = 'written';
    } else if (isData && isOwn && isConstant && all.every(isCode)) {
      if (!holdsFunctions(comparison.pre, pre) && !holdsFunctions(comparison.post, post)) {
        fate = 'replaced';
      }
    }
    fates.set(post, fate);
    if (fate !== 'replaced') continue;
    const code = [...(postUsers.get(post) ?? [])].filter(isCode);
    readers.set(post, code);
  }
  return { fates, readers };
}

/** A function that refers to something, or anything else that does. */
export type User = Part | 'other';

function isCode(user: User): user is Part {
  return user !== 'other' && user.role === 'code';
}

/** Functions that refer to each part; 'other' for any other kind of reference. */
export function users(side: Side, wanted: ReadonlySet<Part>): Map<Part, Set<User>> {
  const result = new Map<Part, Set<User>>();
  const sections = new Set([...wanted].map((part) => part.section));
  forEachReference(
    side.parts,
    everyone,
    (section) => sections.has(section),
    ({ from, target }) => {
      if (target.kind !== 'part' || !wanted.has(target.part)) return;
      const user = from?.isFunction ? from : 'other';
      const set = result.get(target.part);
      if (set) set.add(user);
      else result.set(target.part, new Set([user]));
    },
  );
  return result;
}

/** Whether the address of a function is in it, or of something that may be one. */
export function holdsFunctions(side: Side, part: Part): boolean {
  return relocationsIn(side.parts.object, part).some((relocation) => {
    const target = findTarget(side.parts, part.section, relocation);
    // What another object defines may be a function.
    return target.kind === 'external' || (target.kind === 'part' && target.part.isFunction);
  });
}
