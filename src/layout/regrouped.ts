// Members that are grouped in another way, where each keeps its place, its type and its name:
// struct_group(), which gives several members a name together; DECLARE_FLEX_ARRAY(); members
// that go into a struct of their own, or come out of one. No byte changes its meaning.

import type { Struct } from '../btf/types.js';
import type { Sameness } from './same.js';
import type { Field, TypeView } from './type-view.js';

const MAX_DEPTH = 8;

/** All members of a struct, and the members of those. */
export class Leaves {
  private readonly byName = new Map<string, Field[]>();

  constructor(
    private readonly view: TypeView,
    fields: readonly Field[],
  ) {
    for (const field of fields) this.add(field, 0);
  }

  /** Those of a name. */
  named(name: string): readonly Field[] {
    return this.byName.get(name) ?? [];
  }

  private add(field: Field, depth: number): void {
    this.byName.set(field.name, [...this.named(field.name), field]);
    for (const inner of membersOf(this.view, field))
      if (depth < MAX_DEPTH) this.add(inner, depth + 1);
  }
}

/** Whether a member is there on the other side as well: itself in a struct or out of it, or all of its members. */
export class Regrouped {
  private readonly before: Leaves;
  private readonly after: Leaves;

  constructor(
    private readonly pre: TypeView,
    private readonly post: TypeView,
    private readonly same: Sameness,
    before: readonly Field[],
    after: readonly Field[],
  ) {
    this.before = new Leaves(pre, before);
    this.after = new Leaves(post, after);
  }

  /** Of a member that comes. */
  wasThere(field: Field): boolean {
    return isThere(this.post, field, this.before, (old, now) => this.same.same(old.type, now.type));
  }

  /** Of a member that goes. */
  isThere(field: Field): boolean {
    return isThere(this.pre, field, this.after, (now, old) => this.same.same(old.type, now.type));
  }
}

function isThere(
  view: TypeView,
  field: Field,
  others: Leaves,
  isSame: (other: Field, field: Field) => boolean,
  depth = 0,
): boolean {
  const isIt = (one: Field) =>
    one.offset === field.offset && one.width === field.width && isSame(one, field);
  if (others.named(field.name).some(isIt)) return true;
  const inner = membersOf(view, field);
  if (inner.length === 0) return isEmpty(view, field);
  return depth < MAX_DEPTH && inner.every((one) => isThere(view, one, others, isSame, depth + 1));
}

/** A struct without members, which takes no room. */
function isEmpty(view: TypeView, { type, width }: Field): boolean {
  return width === 0 && view.plain(type).kind === 'struct';
}

function membersOf(view: TypeView, { type, offset }: Field): Field[] {
  const plain = view.plain(type);
  return 'members' in plain ? view.fields(plain as Struct, offset) : [];
}

/** Whether two structs of different names have the same members in the same places: atomic_t and refcount_t. */
export function isMadeAlike(
  pre: TypeView,
  post: TypeView,
  same: Sameness,
  before: Field,
  after: Field,
): boolean {
  const [ones, others] = [scalarsOf(pre, before), scalarsOf(post, after)];
  if (ones.length === 0 || ones.length !== others.length) return false;
  return ones.every((one, index) => {
    const other = others[index]!;
    const isPlace = one.offset === other.offset && one.width === other.width;
    return isPlace && one.name === other.name && same.same(one.type, other.type);
  });
}

/** Members that are no structs; nothing if it is no struct itself. */
function scalarsOf(view: TypeView, field: Field, depth = 0): Field[] {
  return membersOf(view, field).flatMap((one) => {
    const inner = depth < MAX_DEPTH ? scalarsOf(view, one, depth + 1) : [];
    return inner.length > 0 ? inner : [one];
  });
}
