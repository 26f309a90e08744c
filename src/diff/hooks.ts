// Hooks of a patch (kmodsrc/include/ksplice-patch.h): pointers to functions in sections whose
// name says when the function is called. The pointers themselves are not needed: the
// new-code module has a list of its own.

import type { ElfSymbol } from '../elf/object.js';
import { relocationsIn, wholeSection } from './extents.js';
import type { Part, Parts } from './parts.js';
import { findTarget } from './targets.js';

/** When a hook is called; as in kmodsrc/ksplice.h, which has them in this order. */
export const HOOK_KINDS = [
  'pre_apply',
  'check_apply',
  'apply',
  'post_apply',
  'fail_apply',
  'pre_reverse',
  'check_reverse',
  'reverse',
  'post_reverse',
  'fail_reverse',
] as const;
export type HookKind = (typeof HOOK_KINDS)[number];

/** A function that is called when the update is applied or reversed. */
export interface Hook {
  readonly kind: HookKind;
  readonly symbol: ElfSymbol;
}

/** The hooks of an object by kind, each kind's in the order of the file. */
export function hooksOf(parts: Parts): { readonly kind: HookKind; readonly part: Part }[] {
  return HOOK_KINDS.flatMap((kind) => {
    const section = parts.object.section(`.ksplice.call_${kind}`);
    if (!section) return [];
    return relocationsIn(parts.object, wholeSection(section)).flatMap((relocation) => {
      const target = findTarget(parts, section, relocation);
      return target.kind === 'part' && target.offset === 0 ? [{ kind, part: target.part }] : [];
    });
  });
}

/** Functions and variables whose addresses the hooks of an undo take back: ksplice_undo_safe(). */
export function undoSafe(parts: Parts): Part[] {
  const section = parts.object.section('.ksplice.undo_safe');
  if (!section) return [];
  return relocationsIn(parts.object, wholeSection(section)).flatMap((relocation) => {
    const target = findTarget(parts, section, relocation);
    return target.kind === 'part' ? [target.part] : [];
  });
}

/** What hooks refer to themselves: variables that they are there to set. */
export function partsUsedBy(parts: Parts, hooks: readonly { readonly part: Part }[]): Set<Part> {
  const used = new Set<Part>();
  for (const { part } of hooks) {
    for (const relocation of relocationsIn(parts.object, part)) {
      const target = findTarget(parts, part.section, relocation);
      if (target.kind === 'part') used.add(target.part);
    }
  }
  return used;
}
