// Reads a .BTF section, as gcc -gbtf or pahole leaves it: a header, the types one after the
// other, and their names (include/uapi/linux/btf.h). Pure.

import { Bytes, badElf } from '../elf/bytes.js';
import type { BtfType, Enumerator, Member } from './types.js';

const MAGIC = 0xeb9f;
const HEADER_SIZE = 24;

/** BTF_KIND_* */
const [INT, POINTER, ARRAY, STRUCT, UNION, ENUM, FORWARD, TYPEDEF] = [1, 2, 3, 4, 5, 6, 7, 8];
const [VOLATILE, CONST, RESTRICT, FUNCTION, PROTOTYPE, VARIABLE] = [9, 10, 11, 12, 13, 14];
const [SECTION, FLOAT, DECLARATION_TAG, TYPE_TAG, ENUM64] = [15, 16, 17, 18, 19];

const REFERENCES = new Map([
  [POINTER, 'pointer'],
  [TYPEDEF, 'typedef'],
  [VOLATILE, 'volatile'],
  [CONST, 'const'],
  [RESTRICT, 'restrict'],
  [TYPE_TAG, 'tag'],
  [FUNCTION, 'function'],
] as const);

/** Of what follows the head of a type: bytes in all, and for each of its members. */
const LENGTHS = new Map<number, readonly [fixed: number, each: number]>([
  [INT, [4, 0]],
  [ARRAY, [12, 0]],
  [STRUCT, [0, 12]],
  [UNION, [0, 12]],
  [ENUM, [0, 8]],
  [FORWARD, [0, 0]],
  [PROTOTYPE, [0, 8]],
  [VARIABLE, [4, 0]],
  [SECTION, [0, 12]],
  [FLOAT, [0, 0]],
  [DECLARATION_TAG, [4, 0]],
  [ENUM64, [0, 12]],
  ...[...REFERENCES.keys()].map((kind) => [kind, [0, 0]] as const),
]);

const INT_SIGNED = 1;

/** The three words that each type begins with. */
interface Head {
  readonly name: string;
  readonly kind: number;
  readonly flag: boolean;
  readonly count: number;
  /** A size in bytes, or the number of a type. */
  readonly word: number;
  /** Where what follows begins. */
  readonly at: number;
}

/**
 * The types of a .BTF section by their numbers; number 0 is void.
 * @param data the section
 * @param origin for messages
 * @throws KspliceError `bad-elf` if it is damaged, or has a kind of type that is not known
 */
export function readBtf(data: Buffer, origin: string): BtfType[] {
  const header = new Bytes(data, origin);
  if (header.u16(0) !== MAGIC) throw badElf(origin, 'its .BTF has no BTF in it');
  const size = header.u32(4);
  if (size < HEADER_SIZE) throw badElf(origin, `its BTF has a header of ${size} bytes`);
  const part = (at: number) =>
    new Bytes(header.slice(size + header.u32(at), header.u32(at + 4)), origin);
  const bytes = part(8);
  const names = part(16);
  const types: BtfType[] = [{ kind: 'void' }];
  for (let at = 0; at < bytes.length; ) {
    const head = readHead(bytes, names, at);
    const lengths = LENGTHS.get(head.kind);
    if (!lengths) throw badElf(origin, `its BTF has a type of unknown kind ${head.kind}`);
    types.push(readType(bytes, names, head));
    at = head.at + lengths[0] + lengths[1] * head.count;
  }
  checkReferences(types, origin);
  return types;
}

function readHead(bytes: Bytes, names: Bytes, at: number): Head {
  const info = bytes.u32(at + 4);
  return {
    name: names.string(bytes.u32(at)),
    kind: (info >>> 24) & 0x1f,
    flag: info >>> 31 === 1,
    count: info & 0xffff,
    word: bytes.u32(at + 8),
    at: at + 12,
  };
}

function readType(bytes: Bytes, names: Bytes, head: Head): BtfType {
  const { name, kind, word, at } = head;
  const reference = REFERENCES.get(kind as typeof POINTER);
  if (reference) return { kind: reference, name, type: word };
  switch (kind) {
    case INT:
      return { kind: 'int', name, size: word, signed: isSigned(bytes.u32(at)) };
    case FLOAT:
      return { kind: 'float', name, size: word };
    case ARRAY:
      return { kind: 'array', type: bytes.u32(at), count: bytes.u32(at + 8) };
    case STRUCT:
    case UNION:
      return {
        kind: kind === UNION ? 'union' : 'struct',
        name,
        size: word,
        members: list(head, 12, (place) => readMember(bytes, names, head, place)),
      };
    case ENUM:
      return { kind: 'enum', name, size: word, enumerators: readEnumerators(bytes, names, head) };
    case ENUM64:
      return { kind: 'enum', name, size: word, enumerators: readLongOnes(bytes, names, head) };
    case FORWARD:
      return { kind: 'forward', name, of: head.flag ? 'union' : 'struct' };
    case PROTOTYPE:
      return {
        kind: 'prototype',
        type: word,
        parameters: list(head, 8, (place) => ({
          name: names.string(bytes.u32(place)),
          type: bytes.u32(place + 4),
        })),
      };
    case VARIABLE:
      return { kind: 'variable', name, type: word };
    default:
      return { kind: 'other' };
  }
}

function list<T>({ at, count }: Head, size: number, read: (place: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => read(at + index * size));
}

function isSigned(word: number): boolean {
  return ((word >>> 24) & INT_SIGNED) !== 0;
}

/** With the flag, the upper byte of the offset is a bit-field's width; 0 for other members. */
function readMember(bytes: Bytes, names: Bytes, { flag }: Head, place: number): Member {
  const offset = bytes.u32(place + 8);
  const width = flag ? offset >>> 24 : 0;
  return {
    name: names.string(bytes.u32(place)),
    type: bytes.u32(place + 4),
    offset: flag ? offset & 0xffffff : offset,
    width: width === 0 ? undefined : width,
  };
}

/** As signed ones, whatever the flag says: they are compared, not computed with. */
function readEnumerators(bytes: Bytes, names: Bytes, head: Head): Enumerator[] {
  return list(head, 8, (place) => ({
    name: names.string(bytes.u32(place)),
    value: BigInt(bytes.u32(place + 4) | 0),
  }));
}

function readLongOnes(bytes: Bytes, names: Bytes, head: Head): Enumerator[] {
  return list(head, 12, (place) => ({
    name: names.string(bytes.u32(place)),
    value: BigInt.asIntN(64, (BigInt(bytes.u32(place + 8)) << 32n) | BigInt(bytes.u32(place + 4))),
  }));
}

/** Each number is that of a type. */
function checkReferences(types: readonly BtfType[], origin: string): void {
  const check = (number: number) => {
    if (number >= types.length) {
      throw badElf(origin, `its BTF has ${types.length} types, and refers to number ${number}`);
    }
  };
  for (const type of types) {
    if ('type' in type) check(type.type);
    if ('members' in type) for (const member of type.members) check(member.type);
    if ('parameters' in type) for (const parameter of type.parameters) check(parameter.type);
  }
}
