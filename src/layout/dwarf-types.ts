// The types of an object by its debugging information, in the form in which BTF has them: clang makes
// no BTF for this machine. As in gcc's BTF there are no functions, and nothing that is declared in one.

import { readBtf } from '../btf/read.js';
import type { BtfType, Member } from '../btf/types.js';
import { AT, ENCODING, TAG } from '../dwarf/constants.js';
import { type Entries, type Entry, readDwarf } from '../dwarf/read.js';
import type { ElfObject } from '../elf/object.js';
import { functionOf } from './holders.js';

const REFERENCES = new Map<number, 'pointer' | 'typedef' | 'const' | 'volatile' | 'restrict'>([
  [TAG.pointer, 'pointer'],
  [TAG.typedef, 'typedef'],
  [TAG.const, 'const'],
  [TAG.volatile, 'volatile'],
  [TAG.restrict, 'restrict'],
]);

/**
 * The types by their numbers; number 0 is void.
 * @throws KspliceError `bad-elf`
 */
export function typesOf(object: ElfObject): BtfType[] {
  const section = object.section('.BTF');
  // A file without a single type has neither; no file of the kernel is like that.
  return section ? readBtf(section.data, object.name) : typesOfDwarf(readDwarf(object));
}

function typesOfDwarf(entries: Entries): BtfType[] {
  return new Conversion(entries).types;
}

class Conversion {
  readonly types: BtfType[] = [{ kind: 'void' }];
  private readonly numbers = new Map<number, number>();

  constructor(entries: Entries) {
    const wanted = [...entries].filter(([, entry]) => isType(entry) || entry.tag === TAG.variable);
    for (const [index, [place]] of wanted.entries()) this.numbers.set(place, index + 1);
    this.types.push(...wanted.map((): BtfType => ({ kind: 'other' })));
    for (const [index, [, entry]] of wanted.entries()) this.types[index + 1] = this.convert(entry);
  }

  private number(place: number | undefined): number {
    return place === undefined ? 0 : (this.numbers.get(place) ?? 0);
  }

  private convert(entry: Entry): BtfType {
    const { tag, name, children, numbers = {} } = entry;
    const type = this.number(entry.type);
    const reference = REFERENCES.get(tag);
    if (reference) return { kind: reference, name, type };
    // What is in a function has a name only there.
    if (functionOf(entry)) return { kind: 'other' };
    const size = numbers[AT.byteSize];
    switch (tag) {
      case TAG.base: {
        const encoding = numbers[AT.encoding];
        if (encoding === ENCODING.float) return { kind: 'float', name, size: size ?? 0 };
        const signed = encoding === ENCODING.signed || encoding === ENCODING.signedChar;
        return { kind: 'int', name, size: size ?? 0, signed };
      }
      case TAG.array:
        return this.array(
          type,
          children.filter((child) => child.tag === TAG.subrange).map(lengthOf),
        );
      case TAG.structure:
      case TAG.union: {
        const kind = tag === TAG.union ? 'union' : 'struct';
        if (size === undefined) return { kind: 'forward', name, of: kind };
        const members = children.filter((child) => child.tag === TAG.member);
        return { kind, name, size, members: members.map((member) => this.member(member)) };
      }
      case TAG.enumeration:
        return {
          kind: 'enum',
          name,
          size: size ?? 0,
          enumerators: children.map((child) => ({
            name: child.name,
            value: BigInt(child.numbers?.[AT.constValue] ?? 0),
          })),
        };
      case TAG.prototype:
        return {
          kind: 'prototype',
          type,
          parameters: children.map((child) => ({ name: '', type: this.number(child.type) })),
        };
      default:
        return name === '' ? { kind: 'other' } : { kind: 'variable', name, type };
    }
  }

  private member({ name, type, numbers = {} }: Entry): Member {
    const width = numbers[AT.bitSize];
    const fromTop = numbers[AT.bitOffset];
    const unit = 8 * (numbers[AT.memberLocation] ?? 0);
    const inUnit =
      fromTop === undefined ? 0 : 8 * (numbers[AT.byteSize] ?? 0) - fromTop - (width ?? 0);
    const offset = numbers[AT.dataBitOffset] ?? unit + inUnit;
    return { name, type: this.number(type), offset, width };
  }

  /** Of several lengths, the last is that of the outer array: so gcc's BTF has it. */
  private array(type: number, lengths: readonly number[]): BtfType {
    const count = lengths.at(-1) ?? 0;
    if (lengths.length < 2) return { kind: 'array', type, count };
    const element = this.types.push(this.array(type, lengths.slice(0, -1))) - 1;
    return { kind: 'array', type: element, count };
  }
}

const TYPES: ReadonlySet<number> = new Set([
  ...REFERENCES.keys(),
  TAG.base,
  TAG.array,
  TAG.structure,
  TAG.union,
  TAG.enumeration,
  TAG.prototype,
]);

function isType({ tag }: Entry): boolean {
  return TYPES.has(tag);
}

/** Of an array without a length: 0. */
function lengthOf({ numbers = {} }: Entry): number {
  const last = numbers[AT.upperBound];
  return numbers[AT.count] ?? (last === undefined ? 0 : last + 1);
}
