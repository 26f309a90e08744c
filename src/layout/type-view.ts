// The types of one object, as the guard asks for them: without typedefs and qualifiers, by
// name, and with the members of nameless structs among those of what they are in.

import type { BtfType, Enum, Struct } from '../btf/types.js';

/** How deep types may be in each other, in damaged files as well. */
const MAX_DEPTH = 64;

/** A member, wherever in the struct it is declared. */
export interface Field {
  readonly name: string;
  readonly type: number;
  /** In bits from the start of the struct. */
  readonly offset: number;
  /** In bits; 0 for an array without a length. */
  readonly width: number;
  readonly isBitField: boolean;
}

/** A struct, union or enum with a name, its own or that of its typedef. */
export interface NamedType {
  /** "struct foo", "foo_t" */
  readonly name: string;
  readonly type: Struct | Enum;
}

export class TypeView {
  constructor(readonly types: readonly BtfType[]) {}

  /** A type without its typedefs and qualifiers. */
  plain(number: number): BtfType {
    let type = this.types[number]!;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      if (
        type.kind !== 'typedef' &&
        type.kind !== 'const' &&
        type.kind !== 'volatile' &&
        type.kind !== 'restrict' &&
        type.kind !== 'tag'
      )
        return type;
      type = this.types[type.type]!;
    }
    return { kind: 'void' };
  }

  /** In bytes; 0 for what has no size. */
  size(number: number, depth = 0): number {
    const type = this.plain(number);
    if (depth > MAX_DEPTH) return 0;
    if (type.kind === 'pointer') return 8;
    if (type.kind === 'array') return type.count * this.size(type.type, depth + 1);
    return 'size' in type ? type.size : 0;
  }

  /** All members of a struct or union by the names by which C code has them. */
  fields(struct: Struct, base = 0, depth = 0): Field[] {
    return struct.members.flatMap((member): Field[] => {
      const offset = base + member.offset;
      const inner = this.plain(member.type);
      const isNameless = member.name === '' && 'members' in inner;
      if (isNameless && depth < MAX_DEPTH) return this.fields(inner, offset, depth + 1);
      // Padding has no name, and nobody can get at it.
      if (member.name === '') return [];
      const { name, type, width } = member;
      const bits = width ?? this.size(type) * 8;
      return [{ name, type, offset, width: bits, isBitField: width !== undefined }];
    });
  }

  /** Those with names. Functions may each have their own type of one name. */
  named(): Map<string, NamedType[]> {
    const found = new Map<string, NamedType[]>();
    const add = (name: string, type: Struct | Enum) => {
      const others = found.get(name) ?? [];
      found.set(name, [...others, { name, type }]);
    };
    for (const type of this.types) {
      if (isAggregate(type) && type.name !== '') add(`${type.kind} ${type.name}`, type);
      if (type.kind !== 'typedef') continue;
      const named = this.unqualified(type.type);
      if (isAggregate(named) && named.name === '') add(type.name, named);
    }
    return found;
  }

  /** Of all enums, by their names. */
  enumeratorValues(): Map<string, bigint> {
    const all = this.types.flatMap((type) => (type.kind === 'enum' ? type.enumerators : []));
    return new Map(all.map(({ name, value }) => [name, value]));
  }

  /** Enums that nothing refers to: their values are kept as plain numbers. */
  looseEnums(): Enum[] {
    const used = new Set<number>();
    for (const type of this.types) {
      if ('type' in type) used.add(type.type);
      if ('members' in type) for (const member of type.members) used.add(member.type);
      if ('parameters' in type) for (const parameter of type.parameters) used.add(parameter.type);
    }
    return this.types.filter(
      (type, number): type is Enum => type.kind === 'enum' && type.name === '' && !used.has(number),
    );
  }

  /**
   * Where the elements of an array may lie whose length is no part of the type, in bits from the
   * start of the struct: behind `x[]`, and behind a last `x[0]` or `x[1]`. undefined if there is none.
   */
  endless(struct: Struct, depth = 0): number | undefined {
    const fields = this.fields(struct);
    const ends = fields.map(({ offset, width }) => offset + width);
    const last = Math.max(0, ...ends);
    const starts = fields.flatMap(({ type, offset, width }, index): number[] => {
      const plain = this.plain(type);
      if (plain.kind === 'array') {
        const isEndless = plain.count === 0 || (plain.count === 1 && ends[index] === last);
        return isEndless ? [offset + width] : [];
      }
      if (!('members' in plain) || depth > MAX_DEPTH) return [];
      const inner = this.endless(plain, depth + 1);
      return inner === undefined ? [] : [offset + inner];
    });
    return starts.length > 0 ? Math.min(...starts) : undefined;
  }

  /** Without const and the like. */
  private unqualified(number: number): BtfType {
    let type = this.types[number]!;
    for (let depth = 0; type.kind === 'const' || type.kind === 'volatile'; depth++) {
      if (depth > MAX_DEPTH) break;
      type = this.types[type.type]!;
    }
    return type;
  }

  /** As C has it, near enough: "struct list_head", "const char *[4]". */
  describe(number: number, depth = 0): string {
    const type = this.types[number]!;
    if (depth > MAX_DEPTH) return '...';
    const inner = () => ('type' in type ? this.describe(type.type, depth + 1) : '');
    switch (type.kind) {
      case 'void':
        return 'void';
      case 'pointer': {
        const to = this.plain(type.type);
        if (to.kind === 'prototype') return this.describe(type.type, depth + 1);
        const text = inner();
        return text.endsWith('*') ? `${text}*` : `${text} *`;
      }
      case 'array':
        return `${inner()}[${type.count === 0 ? '' : type.count}]`;
      case 'const':
      case 'volatile':
      case 'restrict':
        return `${type.kind} ${inner()}`;
      case 'tag':
        return inner();
      case 'prototype': {
        const parameters = type.parameters.map((one) =>
          one.type === 0 ? '...' : this.describe(one.type, depth + 1),
        );
        return `${inner()} (*)(${parameters.join(', ') || 'void'})`;
      }
      case 'struct':
      case 'union':
      case 'enum':
        return type.name === '' ? `${type.kind} { ... }` : `${type.kind} ${type.name}`;
      case 'forward':
        return `${type.of} ${type.name}`;
      default:
        return 'name' in type ? type.name : '?';
    }
  }
}

function isAggregate(type: BtfType): type is Struct | Enum {
  return type.kind === 'struct' || type.kind === 'union' || type.kind === 'enum';
}
