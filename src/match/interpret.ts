// Run-pre matching: is the running code the code that was built? A match program
// says what to compare, and this file knows no instruction and no kind of
// patching. kmodsrc/match.c does the same in the kernel; the two have to agree in
// every verdict.
//
//  1. A span whose name kallsyms has once is compared there. That tells the
//     address of its section.
//  2. Relocations of a span that was found tell the addresses of what it refers
//     to. All must agree.
//  3. Other spans are compared as soon as their place is known: data, and
//     functions of which kallsyms has several.
//  4. Of a name that is still open, the one address that fits is taken. If several
//     do, the function has no place.
//  5. A key's value must be one that kallsyms has for its name.
//  6. Sites must be a form that the kernel may have written, with operands that
//     agree with what is known by then.

import type { RunningKernel } from '../kernel/running.js';
import type { Item, Program, Span, Variant } from '../program/program.js';
import { fieldValue, firstMismatch, variantFits } from './compare.js';
import type { MatchCause, MatchResult, Mismatch } from './result.js';

export type { MatchCause, MatchResult, Mismatch } from './result.js';

/** Compares a program with a kernel. Nothing is changed, and nothing thrown for a mismatch. */
export function matchProgram(program: Program, target: string, kernel: RunningKernel): MatchResult {
  return new Matcher(program, target, kernel).run();
}

/** Bytes shown of a difference. */
const SHOWN = 8;

enum State {
  /** For the value of its key. */
  Waiting,
  /** The same, and several candidates fit. */
  Ambiguous,
  Placed,
  /** Reported, or a weak one that is not there. */
  Done,
}

class Matcher {
  private readonly addresses: (bigint | undefined)[];
  private readonly values: (bigint | undefined)[];
  private readonly states: State[];
  private readonly mismatches: Mismatch[] = [];
  private unverified = 0;

  constructor(
    private readonly program: Program,
    private readonly target: string,
    private readonly kernel: RunningKernel,
  ) {
    this.addresses = program.spans.map(() => undefined);
    this.values = program.keys.map(() => undefined);
    this.states = program.spans.map(() => State.Waiting);
  }

  run(): MatchResult {
    this.placeSpans();
    this.settleRest();
    this.checkSymbols();
    // With a doubtful key every word about a site would be noise.
    if (this.mismatches.length === 0) this.checkSites();
    const { addresses, values, mismatches, unverified } = this;
    return { ok: mismatches.length === 0, addresses, values, mismatches, unverified };
  }

  private placeSpans(): void {
    const open: [Span, number][] = [];
    this.program.spans.forEach((span, index) => {
      if (!span.search || span.weak) return;
      const candidates = this.kernel.lookup(span.name, this.target);
      // One of several may fit by chance, where the right one was changed.
      if (candidates.length > 1) open.push([span, index]);
      else this.search(span, index, candidates);
    });
    while (this.placeByKeys());
    for (const [span, index] of open) {
      if (this.states[index] !== State.Waiting) continue;
      this.search(span, index, this.kernel.lookup(span.name, this.target));
      while (this.placeByKeys());
    }
  }

  private search(span: Span, index: number, candidates: readonly bigint[]): void {
    const hits: { address: bigint; bytes: Uint8Array }[] = [];
    let best: { address: bigint; bytes: Uint8Array | undefined; at: number } | undefined;
    for (const address of candidates) {
      const bytes = this.kernel.read(address, span.bytes.length);
      const at = bytes ? firstMismatch(span, bytes) : 0;
      if (bytes && at === span.bytes.length) hits.push({ address, bytes });
      else if (!best || (bytes && at >= best.at)) best = { address, bytes, at };
    }
    const [hit] = hits;
    if (hits.length > 1) {
      this.states[index] = State.Ambiguous;
    } else if (hit) {
      this.place(span, index, hit.address, hit.bytes);
    } else {
      this.states[index] = State.Done;
      if (best) this.reportBytes(span, best.address, best.bytes, best.at);
      else this.report(span, 'not-found', 0);
    }
  }

  /** Places what has a known key by now; whether there was anything. */
  private placeByKeys(): boolean {
    let again = false;
    this.program.spans.forEach((span, index) => {
      const value = this.values[span.key];
      const state = this.states[index]!;
      if (value === undefined || state === State.Placed || state === State.Done) return;
      again = true;
      this.placeByKey(span, index, BigInt.asUintN(64, value + BigInt(span.offset)));
    });
    return again;
  }

  private placeByKey(span: Span, index: number, address: bigint): void {
    if (span.search && !this.kernel.lookup(span.name, this.target).includes(address)) {
      this.states[index] = State.Done;
      // The symbol of a weak definition that is somewhere else is another object's.
      if (!span.weak) this.report(span, 'ambiguous', 0);
      return;
    }
    const bytes = this.kernel.read(address, span.bytes.length);
    const at = bytes ? firstMismatch(span, bytes) : 0;
    if (bytes && at === span.bytes.length) {
      this.place(span, index, address, bytes);
    } else {
      this.states[index] = State.Done;
      this.reportBytes(span, address, bytes, at);
    }
  }

  /** `bytes` are what runs at the address, and they fit. */
  private place(span: Span, index: number, address: bigint, bytes: Uint8Array): void {
    this.addresses[index] = address;
    this.states[index] = State.Placed;
    this.setKey(span, 0, span.key, BigInt.asUintN(64, address - BigInt(span.offset)));
    for (const item of span.items) {
      if (item.kind !== 'reloc') continue;
      const value = fieldValue(item.field, bytes, item.offset, address);
      this.setKey(span, item.offset, item.field.key, value);
    }
  }

  private setKey(span: Span, offset: number, key: number, value: bigint): void {
    const known = this.values[key];
    if (known === undefined) this.values[key] = value;
    else if (known !== value) {
      this.report(span, 'inconsistent', offset, valueBytes(known), valueBytes(value));
    }
  }

  private settleRest(): void {
    this.program.spans.forEach((span, index) => {
      const state = this.states[index];
      if (state !== State.Ambiguous && state !== State.Waiting) return;
      if (span.replaced)
        this.report(span, state === State.Ambiguous ? 'ambiguous' : 'not-found', 0);
      else if (state === State.Ambiguous || !span.weak) this.unverified++;
    });
  }

  private checkSymbols(): void {
    this.program.keys.forEach((key, index) => {
      const value = this.values[index];
      if (value === undefined || !key.kallsyms || this.isSymbol(index, value)) return;
      const [expected = 0n] = this.kernel.lookup(key.name);
      this.mismatches.push({
        cause: 'not-a-symbol',
        object: key.label,
        span: key.name,
        offset: 0,
        address: undefined,
        expected: valueBytes(expected),
        found: valueBytes(value),
      });
    });
  }

  private isSymbol(index: number, value: bigint): boolean {
    const key = this.program.keys[index]!;
    return (value === 0n && key.weak) || this.kernel.lookup(key.name).includes(value);
  }

  private checkSites(): void {
    this.program.spans.forEach((span, index) => {
      const address = this.addresses[index];
      if (address === undefined || !span.items.some((item) => item.kind === 'site')) return;
      const bytes = this.kernel.read(address, span.bytes.length);
      if (!bytes) {
        this.reportBytes(span, address, bytes, 0);
        return;
      }
      for (const item of span.items) {
        if (item.kind === 'site' && !this.siteAgrees(item, bytes, address)) {
          this.reportBytes(span, address, bytes, item.offset);
        }
      }
    });
  }

  /**
   * Whether a site has a form whose operands agree with what is known. One
   * that needs nothing new comes first: what a site tells, others must obey.
   */
  private siteAgrees(
    item: Extract<Item, { kind: 'site' }>,
    run: Uint8Array,
    address: bigint,
  ): boolean {
    const fitting = item.variants.filter((variant) => variantFits(variant, run, item.offset));
    for (const mayLearn of [false, true]) {
      for (const variant of fitting) {
        if (this.operandsAgree(variant, item.offset, run, address, mayLearn)) return true;
      }
    }
    return false;
  }

  private operandsAgree(
    variant: Variant,
    start: number,
    run: Uint8Array,
    address: bigint,
    mayLearn: boolean,
  ): boolean {
    const learned: [number, bigint][] = [];
    for (const field of variant.fields) {
      if (field.free) continue;
      const value = fieldValue(field, run, start + field.offset, address);
      const known = this.values[field.key];
      if (known !== undefined) {
        if (known !== value) return false;
      } else if (this.program.keys[field.key]!.kallsyms) {
        if (!this.isSymbol(field.key, value)) return false;
      } else if (mayLearn) {
        learned.push([field.key, value]);
      } else {
        return false;
      }
    }
    for (const [key, value] of learned) this.values[key] = value;
    return true;
  }

  private report(
    span: Span,
    cause: MatchCause,
    offset: number,
    expected: Uint8Array = new Uint8Array(0),
    found?: Uint8Array,
    address?: bigint,
  ): void {
    const name = span.name || this.program.keys[span.key]!.label;
    this.mismatches.push({
      cause,
      object: span.label,
      span: name,
      offset,
      address,
      expected,
      found,
    });
  }

  private reportBytes(
    span: Span,
    address: bigint,
    bytes: Uint8Array | undefined,
    at: number,
  ): void {
    const expected = Uint8Array.from(span.bytes.subarray(at, at + SHOWN));
    const found = bytes && Uint8Array.from(bytes.subarray(at, at + SHOWN));
    const place = address + BigInt(at);
    this.report(span, bytes ? 'differs' : 'unreadable', at, expected, found, place);
  }
}

function valueBytes(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
