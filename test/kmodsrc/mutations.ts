// Programs and kernels that are not as they should be. What is changed follows from
// a seed alone, and each change is told as a command of runner.c, too.

import type { RunningKernel } from '../../src/kernel/running.js';
import * as L from '../../src/program/layout.js';
import type { Program } from '../../src/program/program.js';
import type { LinkedKernel } from '../match/support/linked.js';
import { hex, symbolCommand } from './kernel-interpreter.js';

/** A number from 0 to below - 1. */
export type Roll = (below: number) => number;

/** The same numbers for the same seed (mulberry32). */
export function dice(seed: number): Roll {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Addresses {
  readonly own: readonly bigint[];
  /** In other modules than the target. */
  readonly elsewhere: readonly bigint[];
}

/** A linked kernel with other bytes here and there, and other symbols. */
export class ChangedKernel implements RunningKernel {
  readonly origin = 'the changed test kernel';
  readonly release = 'test';
  private readonly bytes = new Map<bigint, number>();
  private readonly symbols = new Map<string, Addresses>();

  constructor(private readonly kernel: LinkedKernel) {}

  read(address: bigint, length: number): Uint8Array | undefined {
    const linked = this.kernel.read(address, length);
    if (!linked) return undefined;
    const bytes = Uint8Array.from(linked);
    for (const [place, byte] of this.bytes) {
      if (place >= address && place < address + BigInt(length)) {
        bytes[Number(place - address)] = byte;
      }
    }
    return bytes;
  }

  lookup(name: string, module?: string): readonly bigint[] {
    const changed = this.symbols.get(name);
    if (!changed) return this.kernel.lookup(name, module);
    return module === undefined ? [...changed.own, ...changed.elsewhere] : changed.own;
  }

  hasTarget(target: string): boolean {
    return this.kernel.hasTarget(target);
  }

  poke(place: bigint, bytes: Iterable<number>): void {
    for (const byte of bytes) {
      if (this.kernel.read(place, 1)?.[0] === byte) this.bytes.delete(place);
      else this.bytes.set(place, byte);
      place++;
    }
  }

  setSymbol(name: string, own: readonly bigint[], elsewhere: readonly bigint[]): void {
    if (elsewhere.length === 0 && `${own}` === `${this.kernel.lookup(name)}`) {
      this.symbols.delete(name);
    } else {
      this.symbols.set(name, { own, elsewhere });
    }
  }

  /** What makes the runner's kernel this one; none if nothing is changed. */
  commands(): string[] {
    const bytes = [...this.bytes].map(([place, byte]) => pokeCommand(place, byte));
    const symbols = [...this.symbols].map(([name, { own, elsewhere }]) =>
      symbolCommand(name, own, elsewhere),
    );
    return [...bytes, ...symbols].sort();
  }

  /** What makes it the linked one again. */
  undoCommands(): string[] {
    return [
      ...[...this.bytes.keys()].map((place) => pokeCommand(place, this.kernel.read(place, 1)![0]!)),
      ...[...this.symbols.keys()].map((name) => symbolCommand(name, this.kernel.lookup(name))),
    ];
  }
}

const pokeCommand = (place: bigint, byte: number) =>
  `poke ${place.toString(16)} ${hex(Uint8Array.of(byte))}`;

/**
 * Changes a kernel in up to three ways.
 * @param places of the program's spans in it
 */
export function changeKernel(
  kernel: ChangedKernel,
  program: Program,
  places: readonly (bigint | undefined)[],
  roll: Roll,
): void {
  for (let change = 0; change <= roll(3); change++) {
    if (roll(3) === 0) {
      changeSymbol(kernel, program, places, roll);
      continue;
    }
    const index = roll(places.length);
    const { items, bytes } = program.spans[index]!;
    const place = places[index];
    if (place === undefined) continue;
    const item = items[roll(items.length || 1)];
    if (item === undefined || roll(3) === 0) {
      kernel.poke(place + BigInt(roll(bytes.length)), [roll(256)]);
    } else if (item.kind === 'reloc') {
      kernel.poke(place + BigInt(item.offset + roll(item.length)), [roll(256)]);
    } else {
      // Another form of the site, with operands that may or may not be those of a booted kernel.
      const variant = item.variants[roll(item.variants.length)]!;
      const form = [...variant.bytes];
      for (const { offset, width } of variant.fields) {
        if (roll(2))
          form.splice(offset, width, ...[1, 2, 3, 4].slice(0, width).map(() => roll(256)));
      }
      kernel.poke(place + BigInt(item.offset), form);
    }
  }
}

function changeSymbol(
  kernel: ChangedKernel,
  { spans, keys }: Program,
  places: readonly (bigint | undefined)[],
  roll: Roll,
): void {
  const named = roll(2) ? spans : keys;
  const { name } = named[roll(named.length)]!;
  if (name === '') return;
  const before = kernel.lookup(name);
  const other = places[roll(places.length)] ?? 0x500n;
  const another = places[roll(places.length)] ?? 0x600n;
  const alone = [[], [other], [0x10n], [other, 0x10n], [other, another]];
  const lists = [...alone, [...before, other], [other, ...before]];
  const own = [...new Set(lists[roll(lists.length)])];
  const elsewhere = [[], [], [], before, [other]][roll(5)]!;
  kernel.setSymbol(
    name,
    own,
    elsewhere.filter((address) => !own.includes(address)),
  );
}

/** The numbers of each kind of record: place and width. */
const COLUMNS: readonly (readonly [L.TableName, readonly (readonly [number, 1 | 2 | 4 | 8])[]])[] =
  [
    ['keys', Object.values(L.KEY).map((at) => [at, 4])],
    ['spans', Object.values(L.SPAN).map((at) => [at, 4])],
    [
      'items',
      [
        [L.ITEM.offset, 4],
        [L.ITEM.length, 2],
        [L.ITEM.nVariants, 2],
        [L.ITEM.first, 4],
      ],
    ],
    [
      'variants',
      [
        [L.VARIANT.bytes, 4],
        [L.VARIANT.fields, 4],
        [L.VARIANT.nFields, 2],
      ],
    ],
    [
      'fields',
      [
        [L.FIELD.addend, 8],
        [L.FIELD.key, 4],
        [L.FIELD.offset, 2],
        [L.FIELD.width, 1],
        [L.FIELD.flags, 1],
      ],
    ],
  ];

/** The greatest addend that the tool accepts. */
const FARTHEST = BigInt(Number.MAX_SAFE_INTEGER);

/** A program's bytes with up to three numbers changed: most of those are well-formed or nearly so. */
export function alterRecords(good: Buffer, roll: Roll): Buffer {
  const data = Buffer.from(good);
  for (let change = 0; change <= roll(3); change++) {
    const [table, columns] = COLUMNS[roll(COLUMNS.length)]!;
    const { at: header, record } = L.TABLES[table];
    const start = data.readUInt32LE(header);
    const count = data.readUInt32LE(header + 4);
    if (count === 0) continue;
    const [column, width] = columns[roll(columns.length)]!;
    const place = (row: number) => start + row * record + column;
    const at = place(roll(count));
    const read = (from: number) =>
      width === 8 ? data.readBigInt64LE(from) : BigInt(data.readUIntLE(from, width));
    const value = read(at);
    const other = read(place(roll(count)));
    const bit = 1n << BigInt(roll(roll(2) ? 4 : 8 * width));
    const strings = L.TABLES.strings.at;
    const text = roll(data.readUInt32LE(strings + 4) || 1);
    const emptyText =
      data.indexOf(0, data.readUInt32LE(strings) + text) - data.readUInt32LE(strings);
    const values = [
      ...[value + 1n, value - 1n, value ^ bit, -bit, other, 0n],
      ...(width === 8 ? [FARTHEST, -FARTHEST] : [BigInt(count), BigInt(text), BigInt(emptyText)]),
    ];
    const written = Buffer.alloc(8);
    written.writeBigInt64LE(BigInt.asIntN(64, values[roll(values.length)]!));
    written.copy(data, at, 0, width);
  }
  return data;
}

/** A program's bytes with some overwritten, in the header more often than elsewhere; now and then cut off. */
export function damageBytes(good: Buffer, roll: Roll): Buffer {
  const size = roll(8) === 0 ? roll(good.length) : good.length;
  const data = Buffer.from(good.subarray(0, size));
  const reach = roll(2) ? Math.min(size, L.HEADER.size) : size;
  for (let change = 0; change <= roll(3); change++) {
    if (reach > 0) data[roll(reach)] = [0, 1, 8, 0x7f, 0x80, 0xff, roll(256)][roll(7)]!;
  }
  return data;
}
