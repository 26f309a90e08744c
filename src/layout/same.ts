// Whether bytes that hold one type may be read as another: the types of a member before and
// after a patch. What a pointer leads to is compared by its name, and not followed: if that
// type changes, it is a change of its own.

import type { BtfType, Enum, Prototype, Struct } from '../btf/types.js';
import type { Field, TypeView } from './type-view.js';

type Numbers = readonly [pre: number, post: number];

export class Sameness {
  /** What is being compared, further out, is taken for the same: types are in circles. */
  private readonly known = new Map<string, boolean>();

  /**
   * @param renamed the names of types that the patch renames, by their old ones: "struct a" → "struct b"
   */
  constructor(
    private readonly pre: TypeView,
    private readonly post: TypeView,
    private readonly renamed: ReadonlyMap<string, string> = new Map(),
  ) {}

  /** Whether values stay what they are. */
  same(...numbers: Numbers): boolean {
    const key = numbers.join();
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, true);
    const result = this.compare(this.pre.plain(numbers[0]), this.post.plain(numbers[1]));
    this.known.set(key, result);
    return result;
  }

  private compare(a: BtfType, b: BtfType): boolean {
    if (isNamed(a) && isNamed(b) && (a.name !== '' || b.name !== '')) return this.sameName(a, b);
    switch (a.kind) {
      case 'int':
        if (b.kind !== 'int' || a.size !== b.size) return false;
        return a.signed === b.signed && (a.name === '_Bool') === (b.name === '_Bool');
      case 'float':
        return b.kind === 'float' && a.size === b.size;
      case 'pointer':
        return b.kind === 'pointer' && this.same(a.type, b.type);
      case 'array':
        return b.kind === 'array' && a.count === b.count && this.same(a.type, b.type);
      case 'prototype':
        return b.kind === 'prototype' && this.sameCall(a, b);
      case 'struct':
      case 'union':
        return b.kind === a.kind && this.sameFields(a, b);
      case 'enum':
        return b.kind === 'enum' && a.size === b.size && sameValues(a, b);
      default:
        return a.kind === b.kind;
    }
  }

  private sameName(a: Named, b: Named): boolean {
    const [before, after] = [nameOf(a), nameOf(b)];
    return after === before || after === this.renamed.get(before);
  }

  private sameCall(a: Prototype, b: Prototype): boolean {
    if (a.parameters.length !== b.parameters.length || !this.same(a.type, b.type)) return false;
    return a.parameters.every((one, index) => this.same(one.type, b.parameters[index]!.type));
  }

  /** Of two without a name. */
  private sameFields(a: Struct, b: Struct): boolean {
    const [before, after] = [this.pre.fields(a), this.post.fields(b)];
    if (a.size !== b.size || before.length !== after.length) return false;
    return before.every((field, index) => {
      // In a union their order says nothing.
      const other = after.find(({ name }) => name === field.name) ?? after[index]!;
      const samePlace = field.offset === other.offset && field.width === other.width;
      return samePlace && isSameMember(field.name, other.name) && this.same(field.type, other.type);
    });

    /** Another name in the same place is a new name, unless it was another member's. */
    function isSameMember(name: string, now: string): boolean {
      const has = (fields: readonly Field[], wanted: string) =>
        fields.some((field) => field.name === wanted);
      return name === now || (!has(after, name) && !has(before, now));
    }
  }
}

/** Of two enums without a name: each value that was there is there, under its name or a new one. */
function sameValues(a: Enum, b: Enum): boolean {
  const old = new Set(a.enumerators.map(({ name }) => name));
  const values = new Map(b.enumerators.map(({ name, value }) => [name, value]));
  const added = b.enumerators.filter(({ name }) => !old.has(name)).map(({ value }) => value);
  return a.enumerators.every(({ name, value }) =>
    values.has(name) ? values.get(name) === value : added.includes(value),
  );
}

type Named = Struct | Enum | Extract<BtfType, { kind: 'forward' }>;

function isNamed(type: BtfType): type is Named {
  return ['struct', 'union', 'enum', 'forward'].includes(type.kind);
}

function nameOf(type: Named): string {
  return `${type.kind === 'forward' ? type.of : type.kind} ${type.name}`;
}
