// Bytes that run against bytes as built, and the numbers in them.

import type { Field, Span, Variant } from '../program/program.js';

/** Where the bytes from `from` on first differ, or `to`. */
function differAt(pre: Uint8Array, run: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && pre[at] === run[at]) at++;
  return at;
}

/** Whether the bytes of a site, all but its fields, are those of the variant. */
export function variantFits(variant: Variant, run: Uint8Array, start: number): boolean {
  const { bytes, fields } = variant;
  let at = 0;
  for (const field of fields) {
    for (; at < field.offset; at++) if (bytes[at] !== run[start + at]) return false;
    at = field.offset + field.width;
  }
  for (; at < bytes.length; at++) if (bytes[at] !== run[start + at]) return false;
  return true;
}

function anyFits(variants: readonly Variant[], run: Uint8Array, start: number): boolean {
  for (const variant of variants) if (variantFits(variant, run, start)) return true;
  return false;
}

/**
 * The first offset where the running bytes are not what the span allows; the
 * span's length if it fits. Numbers in relocations and sites are not looked at.
 *
 * @param run as many bytes as the span has
 */
export function firstMismatch(span: Span, run: Uint8Array): number {
  const pre = span.bytes;
  let at = 0;
  for (const item of span.items) {
    at = differAt(pre, run, at, item.offset);
    if (at < item.offset) return at;
    if (item.kind === 'site' && !anyFits(item.variants, run, item.offset)) return at;
    at = item.offset + item.length;
  }
  return differAt(pre, run, at, pre.length);
}

/**
 * The value of a field's key, from the number at `at` of what runs.
 *
 * @param address run-time address of run[0]
 */
export function fieldValue(field: Field, run: Uint8Array, at: number, address: bigint): bigint {
  // As numbers they could be farther apart than numbers are exact.
  const value = BigInt(readNumber(field, run, at)) - BigInt(field.addend);
  return BigInt.asUintN(64, field.pcrel ? value + address + BigInt(at) : value);
}

function readNumber(field: Field, run: Uint8Array, at: number): number | bigint {
  const { width, signed } = field;
  if (width === 8) {
    const low = readLow(run, at, 4) >>> 0;
    return (BigInt(readLow(run, at + 4, 4) >>> 0) << 32n) | BigInt(low);
  }
  const number = readLow(run, at, width);
  const unused = 32 - 8 * width;
  return signed ? (number << unused) >> unused : number >>> 0;
}

/** Up to four bytes, as the low bits of a 32-bit integer. */
function readLow(run: Uint8Array, at: number, width: number): number {
  let number = 0;
  for (let byte = width - 1; byte >= 0; byte--) number = (number << 8) | run[at + byte]!;
  return number;
}
