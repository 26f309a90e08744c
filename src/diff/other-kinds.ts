// Variables of one name that became another kind (data-kinds.ts), and so another variable.
// One that is constant before or after may go and come anew: if only functions of this file
// read and write it, all of them are replaced, because they refer to another variable now.
// Anything else is refused:
//
// - per-cpu or not, __ro_after_init or not: the running variable has a value, which boot
//   code or years of work have put there;
// - what others know by name or by address: they would go on with the old one.

import { machine } from '../arch/index.js';
import { STB_LOCAL } from '../elf/constants.js';
import { holdsFunctions, type User, users } from './changed-constants.js';
import type { Comparison } from './compare.js';
import { type DataKind, dataKind } from './data-kinds.js';
import { relocationsIn } from './extents.js';
import type { Part } from './parts.js';
import type { Side } from './side.js';
import { findTarget } from './targets.js';

/** A variable and what has its name now, of another kind. */
export interface OtherKind {
  readonly pre: Part;
  readonly post: Part;
  readonly was: DataKind;
  readonly is: DataKind;
  /** Whether the old one goes and the new one comes along; else it is refused. */
  readonly isNew: boolean;
}

/** Decides about variables that correlation has kept apart. */
export function decideOtherKinds(comparison: Comparison): OtherKind[] {
  const { apart } = comparison.correlation;
  if (apart.length === 0) return [];
  const preUsers = users(comparison.pre, new Set(apart.map(({ pre }) => pre)));
  const postUsers = users(comparison.post, new Set(apart.map(({ post }) => post)));
  const byName = [...apart].sort((a, b) => (a.post.symbol.name < b.post.symbol.name ? -1 : 1));
  return byName.map(({ pre, post }) => {
    const was = dataKind(pre.section);
    const is = dataKind(post.section);
    const isNew =
      mayChange(was, is) &&
      isOwn(comparison.pre, pre, preUsers.get(pre)) &&
      isOwn(comparison.post, post, postUsers.get(post));
    return { pre, post, was, is, isNew };
  });
}

/** A constant's value is known; a variable that is constant now is not written any more. */
function mayChange(was: DataKind, is: DataKind): boolean {
  return was === 'read-only' ? is === 'writable' : was === 'writable' && is === 'read-only';
}

/** Whether nobody but functions of this object, which read and write it themselves, knows of it. */
function isOwn(side: Side, part: Part, all: ReadonlySet<User> = new Set()): boolean {
  if (part.symbol.binding !== STB_LOCAL || holdsFunctions(side, part)) return false;
  return [...all].every(
    (user) => user !== 'other' && user.role === 'code' && !handsOn(side, user, part),
  );
}

/** Whether a function makes a value of a variable's address. */
function handsOn({ parts }: Side, user: Part, variable: Part): boolean {
  const { section, start, end } = user;
  return relocationsIn(parts.object, user).some((relocation) => {
    const target = findTarget(parts, section, relocation);
    if (target.kind !== 'part' || target.part !== variable) return false;
    return machine.code.isAddressValue(section, start, end, relocation.offset);
  });
}
