// Damages objects and sees what the differ and the layout guard say: a typed refusal or a verdict,
// never an exception of the runtime. Which bytes are hit follows from a seed.

import { KspliceError } from '../../src/base/errors.js';
import { diffObjects } from '../../src/diff/index.js';
import { ElfObject } from '../../src/elf/object.js';
import { inferTableSizes } from '../../src/elf/tables.js';
import { judgeLayout } from '../../src/layout/guard.js';

const SHT_SYMTAB = 2;
const SHT_RELA = 4;
const HEADER_SIZE = 64;

/** A number from 0 to below - 1. */
export type Pick = (below: number) => number;

/** xorshift32: the same damage on every run. */
export function random(seed: number): Pick {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/**
 * The object's bytes, with a few of them changed, most where they matter (headers,
 * symbols, relocations); now and then cut off.
 */
export function damage(object: ElfObject, data: Buffer, pick: Pick): Buffer {
  if (pick(20) === 0) return data.subarray(0, pick(data.length));
  const copy = Buffer.from(data);
  const metadata = object.sections.filter(({ type }) => type === SHT_SYMTAB || type === SHT_RELA);
  // Both compiler and assembler put the section headers last.
  const headers = data.length - object.sections.length * HEADER_SIZE;
  for (let i = 0; i <= pick(3); i++) {
    const place = pick(3);
    const table = metadata[pick(metadata.length)]!;
    let offset = pick(data.length);
    if (place === 0) offset = headers + pick(data.length - headers);
    if (place === 1 && table.size > 0) offset = table.offset + pick(table.size);
    const values = [0, 0xff, 0x80, 0x7f, pick(256), copy[offset]! + 1];
    copy[offset] = values[pick(values.length)]!;
  }
  return copy;
}

/** Diffs two files: the verdict, or the code of the error. Anything but a KspliceError is thrown on. */
export function attempt(pre: Buffer, post: Buffer): string {
  try {
    const objects = [new ElfObject(pre, 'pre'), new ElfObject(post, 'post')] as const;
    const diff = diffObjects(...objects, 'damaged.o', inferTableSizes(objects));
    for (const section of diff.kept) diff.relocations(section);
    for (const symbol of objects[1].symbols.slice(0, 50)) diff.explain(symbol.name);
    const replaced = new Set(diff.replaced.map(({ name }) => name));
    judgeLayout([{ name: 'damaged.o', pre: objects[0], post: objects[1], replaced }], []);
    return diff.verdict;
  } catch (error) {
    if (error instanceof KspliceError) return error.code;
    throw error;
  }
}

/** What the cases of one pair came to. */
export interface Outcomes {
  /** How often each verdict or code. */
  readonly counts: ReadonlyMap<string, number>;
  /** Milliseconds of the slowest case. */
  readonly slowest: number;
}

/**
 * Damages one or the other of two objects, again and again.
 * @param onFailure called with the damaged pair before an exception goes on
 */
export function fuzzPair(
  pre: Buffer,
  post: Buffer,
  cases: number,
  pick: Pick,
  onFailure: (pre: Buffer, post: Buffer) => void = () => {},
): Outcomes {
  const [left, right] = [new ElfObject(pre, 'pre'), new ElfObject(post, 'post')];
  const counts = new Map<string, number>();
  let slowest = 0;
  for (let i = 0; i < cases; i++) {
    const pair: [Buffer, Buffer] =
      i % 2 === 0 ? [damage(left, pre, pick), post] : [pre, damage(right, post, pick)];
    const began = performance.now();
    try {
      const outcome = attempt(...pair);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    } catch (error) {
      onFailure(...pair);
      throw error;
    }
    slowest = Math.max(slowest, performance.now() - began);
  }
  return { counts, slowest };
}
