// The symbols inside a stripped kernel: the tables that scripts/kallsyms.c
// writes and kernel/kallsyms.c reads. They have no header and no name, so they
// are found by their structure, and whatever is found must fit in every
// detail; a table that nearly fits is an error, not a guess.
//
//   6.1:        offsets, relative_base, num_syms, names, markers,
//               seqs_of_names, token_table, token_index
//   since 6.4:  num_syms, names, markers, token_table, token_index,
//               offsets, relative_base, seqs_of_names
//   in 7.x:     the same without relative_base: an offset counts from where it stands itself
//
// Every table starts at a multiple of 8, in 7.x of 4. A name is a length (one byte, or two
// if the first has its top bit set) and that many token numbers; the first
// character of its text is the type.

import { KspliceError } from '../base/errors.js';
import type { KernelSymbol } from './symbols.js';

/** What has to be known of the segments: see vmlinux.ts. */
interface Place {
  readonly address: bigint;
  readonly size: number;
  readonly executable: boolean;
  /** Where its data starts in the file, and how much that is. */
  readonly offset: number;
  readonly data: Uint8Array;
}

interface Tokens {
  /** File offset of the token table. */
  readonly start: number;
  /** File offset after the token index. */
  readonly end: number;
  readonly text: readonly string[];
}

interface Names {
  /** File offset of num_syms. */
  readonly start: number;
  readonly list: readonly string[];
}

const TOKENS = 256;
/** Fewer is no kernel, more is no count. */
const MIN_SYMBOLS = 1_000;
const MAX_SYMBOLS = 5_000_000;

/** What tables start at a multiple of. */
type Alignment = 8 | 4;

const aligned = (offset: number, to: Alignment): number => (offset + to - 1) & -to;

/**
 * All symbols of a kernel, sorted by address.
 * @param elf the decompressed kernel
 * @throws KspliceError `bad-image` unless exactly one set of tables fits
 */
export function findKallsyms(
  elf: Buffer,
  segments: readonly Place[],
  origin: string,
): KernelSymbol[] {
  // Tables at multiples of 8 may be taken for such at multiples of 4, never the other way round.
  const seen = { tokens: false, names: false };
  const [first, ...others] = readTables(elf, segments, 8, seen);
  const found = first ? [first, ...others] : readTables(elf, segments, 4, seen);
  if (found.length === 1) return found[0]!;
  throw notUnderstood(origin, found.length === 0 ? missing(seen) : 'two tables in it look like it');
}

/** How far the tables could be read. */
interface Seen {
  tokens: boolean;
  names: boolean;
}

function missing({ tokens, names }: Seen): string {
  if (!tokens) return 'there is no table of tokens as a kernel has it';
  if (!names) return 'its tokens are there, but no list of names is before them';
  return 'its names are there, but no addresses that fit them are where they should be';
}

function notUnderstood(origin: string, why: string): KspliceError {
  return new KspliceError(
    'bad-image',
    `${origin}: the symbol table (kallsyms) in it is not understood: ${why}`,
    {
      advice:
        'If the file is whole, this kernel has its symbols in another form than those that ksplice-ts knows. Boot it, run `ksplice-ts capture` there, and name what that wrote with --image.',
    },
  );
}

/** All that fit. */
function readTables(
  elf: Buffer,
  segments: readonly Place[],
  to: Alignment,
  seen: Seen,
): KernelSymbol[][] {
  const found: KernelSymbol[][] = [];
  for (const tokens of findTokens(elf, to)) {
    seen.tokens = true;
    const names = findNames(elf, tokens, to);
    if (!names) continue;
    seen.names = true;
    for (const addresses of findAddresses(elf, segments, tokens, names, to)) {
      const symbols = names.list.map((text, index) => ({
        name: text.slice(1),
        type: text[0]!,
        address: addresses[index]!,
      }));
      if (fits(symbols, segments)) found.push(symbols);
    }
  }
  return found;
}

/** Digits are never part of a longer token's place: each is its own token, "0" is number 48. */
function* findTokens(elf: Buffer, to: Alignment): Generator<Tokens> {
  const digits = Buffer.from([...'0123456789'].map((digit) => `${digit}\0`).join(''), 'latin1');
  for (let at = elf.indexOf(digits); at >= 0; at = elf.indexOf(digits, at + 1)) {
    const tokens = readTokens(elf, at, to);
    if (tokens) yield tokens;
  }
}

function readTokens(elf: Buffer, zero: number, to: Alignment): Tokens | undefined {
  let end = zero;
  for (let token = 0x30; token < TOKENS; token++) {
    end = elf.indexOf(0, end) + 1;
    if (end === 0) return undefined;
  }
  const index = aligned(end, to);
  if (index + 2 * TOKENS > elf.length) return undefined;
  const start = zero - elf.readUInt16LE(index + 2 * 0x30);
  if (start < 0 || start % to !== 0) return undefined;
  const text: string[] = [];
  for (let token = 0, at = start; token < TOKENS; token++) {
    if (elf.readUInt16LE(index + 2 * token) !== at - start) return undefined;
    const stop = elf.indexOf(0, at);
    text.push(elf.toString('latin1', at, stop));
    at = stop + 1;
    if (token === TOKENS - 1 && at !== end) return undefined;
  }
  return { start, end: index + 2 * TOKENS, text };
}

/** num_syms, names and markers end where the token table (or, on 6.1, seqs_of_names) begins. */
function findNames(elf: Buffer, tokens: Tokens, to: Alignment): Names | undefined {
  for (let start = tokens.start - 8; start >= 0; start -= to) {
    const count = elf.readUInt32LE(start);
    if (count < MIN_SYMBOLS || count > MAX_SYMBOLS) continue;
    if (to === 8 && elf.readUInt32LE(start + 4) !== 0) continue;
    const list = readNames(elf, start + to, count, tokens, to);
    if (list) return { start, list };
  }
  return undefined;
}

function readNames(
  elf: Buffer,
  start: number,
  count: number,
  tokens: Tokens,
  to: Alignment,
): string[] | undefined {
  const ends = nameEnds(elf, start, count, tokens.start);
  if (!ends) return undefined;
  const markers = aligned(ends[count]!, to);
  const markersEnd = markers + 4 * Math.ceil(count / 256);
  const seqsEnd = aligned(markersEnd, to) + 3 * count;
  const possible = [markersEnd, seqsEnd].map((end) => aligned(end, to));
  if (!possible.includes(tokens.start)) return undefined;
  for (let index = 0; index < count; index += 256) {
    if (elf.readUInt32LE(markers + index / 64) !== ends[index]! - start) return undefined;
  }
  const list: string[] = [];
  for (let index = 0; index < count; index++) {
    let at = ends[index]!;
    at += elf[at]! & 0x80 ? 2 : 1;
    let text = '';
    while (at < ends[index + 1]!) text += tokens.text[elf[at++]!];
    // nm has "?" for a type that it does not know, such as that of an empty section of its own.
    if (!/^[A-Za-z?]./.test(text)) return undefined;
    list.push(text);
  }
  return list;
}

/** Where each name starts; the last element is where they end. */
function nameEnds(
  elf: Buffer,
  start: number,
  count: number,
  limit: number,
): Uint32Array | undefined {
  const ends = new Uint32Array(count + 1);
  let at = start;
  for (let index = 0; index < count; index++) {
    ends[index] = at;
    let length = elf[at++]!;
    if (length & 0x80) length = (length & 0x7f) | (elf[at++]! << 7);
    at += length;
    if (length === 0 || at > limit) return undefined;
  }
  ends[count] = at;
  return ends;
}

/** The address tables that may belong to the names: each order of tables, each encoding. */
function* findAddresses(
  elf: Buffer,
  segments: readonly Place[],
  tokens: Tokens,
  names: Names,
  to: Alignment,
): Generator<bigint[]> {
  const count = names.list.length;
  const size = aligned(4 * count, to);
  const orders = [
    { offsets: names.start - 8 - size, base: names.start - 8 },
    { offsets: tokens.end, base: tokens.end + size },
  ];
  for (const { offsets, base } of orders) {
    if (offsets < 0 || base + 8 > elf.length) continue;
    const relativeBase = elf.readBigUInt64LE(base);
    yield decode(count, (index) => {
      // With absolute per-cpu symbols: those as they are, the others as -1 - distance.
      const offset = elf.readInt32LE(offsets + 4 * index);
      return offset >= 0 ? BigInt(offset) : relativeBase - 1n - BigInt(offset);
    });
    yield decode(count, (index) => relativeBase + BigInt(elf.readUInt32LE(offsets + 4 * index)));
  }
  const place = addressOf(segments, tokens.end, 4 * count);
  if (place === undefined) return;
  yield decode(count, (index) => {
    const step = 4 * index;
    return place + BigInt(step + elf.readInt32LE(tokens.end + step));
  });
}

/** Of a part of the file that is loaded in one piece. */
function addressOf(segments: readonly Place[], start: number, length: number): bigint | undefined {
  const segment = segments.find(
    ({ offset, data }) => start >= offset && start + length <= offset + data.length,
  );
  return segment && segment.address + BigInt(start - segment.offset);
}

function decode(count: number, address: (index: number) => bigint): bigint[] {
  return Array.from({ length: count }, (_, index) => address(index));
}

/**
 * The table is sorted, names the start of the kernel rightly, and has code only inside it. (Not only in
 * segments that are for execution: code that is needed at boot alone may be among data.)
 */
function fits(symbols: readonly KernelSymbol[], segments: readonly Place[]): boolean {
  const first = segments.find((segment) => segment.executable)!.address;
  const end = segments.reduce((found, place) => max(found, place.address + BigInt(place.size)), 0n);
  let last = 0n;
  let start = false;
  for (const { name, type, address } of symbols) {
    if (address < last) return false;
    last = address;
    if (name === '_text' || name === '_stext') start ||= address === first;
    // The end counts: `_end` and its like stand there.
    if ((type === 't' || type === 'T') && (address < first || address > end)) return false;
  }
  return start;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
