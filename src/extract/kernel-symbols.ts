// The symbols of vmlinux, and their positions as the kernel's module loader
// counts them: by address among those of one name.

import { KspliceError } from '../base/errors.js';
import type { Resolution, Sealed } from './extraction.js';
import { possibleBases } from './positions.js';
import { ambiguous, elsewhere, initOnly, typeFits, type Wanted } from './wanted.js';

/** A line of System.map or kallsyms. */
export interface NamedAddress {
  readonly name: string;
  /** As nm prints it. */
  readonly type: string;
  readonly address: bigint;
}

const target = 'vmlinux';

const made = new WeakMap<readonly NamedAddress[], KernelSymbols>();

export class KernelSymbols {
  /** Ascending by address. */
  private readonly byName = new Map<string, NamedAddress[]>();
  private readonly initBegin: bigint;
  private readonly initEnd: bigint;
  private readonly perCpuBegin: bigint | undefined;
  private readonly perCpuEnd: bigint | undefined;
  private readonly sealedBegin: bigint | undefined;
  private readonly sealedEnd: bigint | undefined;

  /**
   * The one of a list, which is made once.
   * @throws KspliceError `bad-confdir`
   */
  static of(symbols: readonly NamedAddress[]): KernelSymbols {
    const known = made.get(symbols) ?? new KernelSymbols(symbols);
    made.set(symbols, known);
    return known;
  }

  private constructor(symbols: readonly NamedAddress[]) {
    for (const symbol of symbols) {
      const list = this.byName.get(symbol.name);
      if (list) list.push(symbol);
      else this.byName.set(symbol.name, [symbol]);
    }
    for (const list of this.byName.values()) {
      if (list.length > 1) list.sort((a, b) => (a.address < b.address ? -1 : 1));
    }
    this.initBegin = this.only('__init_begin');
    this.initEnd = this.only('__init_end');
    this.perCpuBegin = this.byName.get('__per_cpu_start')?.[0]?.address;
    this.perCpuEnd = this.byName.get('__per_cpu_end')?.[0]?.address;
    this.sealedBegin = this.byName.get('__start_ro_after_init')?.[0]?.address;
    this.sealedEnd = this.byName.get('__end_ro_after_init')?.[0]?.address;
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  find(wanted: Wanted): Resolution {
    const all = this.byName.get(wanted.name) ?? [];
    if (all.length === 0) {
      return {
        kind: 'unresolved',
        why: "it is not in the kernel's symbol table",
        advice: 'New code can only refer to code and data that kallsyms lists.',
      };
    }
    const found = this.narrow(all, wanted);
    if (found.length === 0 && wanted.address !== undefined) return elsewhere(wanted.address);
    if (found.length !== 1) return ambiguous(all.length, target);
    const { address } = found[0]!;
    // kallsyms goes on listing what was freed.
    if (this.isInit(address) && !wanted.mayBeInit) return initOnly(target);
    // Equal names at equal addresses are the same place: the first will do.
    const position = all.findIndex((symbol) => symbol.address === address) + 1;
    const sealed = this.sealedAt(address);
    return { kind: 'klp', object: target, name: wanted.name, position, sealed };
  }

  /**
   * Freed after boot. Per-cpu variables stay, although newer kernels have what they begin with
   * among init data, and count their addresses from there.
   */
  private isInit(address: bigint): boolean {
    const { perCpuBegin, perCpuEnd } = this;
    if (address < this.initBegin || address >= this.initEnd) return false;
    if (perCpuBegin === undefined || perCpuEnd === undefined) return true;
    return address < perCpuBegin || address >= perCpuEnd;
  }

  /** Whether an exported variable is read-only since boot. */
  exportIsSealed(name: string): Sealed {
    const all = (this.byName.get(name) ?? []).filter((symbol) => !isLocal(symbol));
    const [first, ...others] = new Set(all.map(({ address }) => this.sealedAt(address)));
    return all.length === 0 || others.length > 0 ? 'unknown' : first;
  }

  private sealedAt(address: bigint): Sealed {
    const { sealedBegin, sealedEnd } = this;
    if (sealedBegin === undefined || sealedEnd === undefined) return 'unknown';
    return (address >= sealedBegin && address < sealedEnd) || undefined;
  }

  /** The addresses that remain possible, strictest evidence first. */
  private narrow(all: readonly NamedAddress[], wanted: Wanted): NamedAddress[] {
    const { address, home, local, type } = wanted;
    if (address !== undefined) return distinct(all.filter((symbol) => symbol.address === address));
    const fitting = distinct(
      preferred(
        preferred(all, (symbol) => isLocal(symbol) === local),
        (symbol) => typeFits(type, isFunction(symbol)),
      ),
    );
    if (fitting.length < 2 || !home?.symbol.section) return fitting;
    const { object, symbol } = home;
    const bases = possibleBases(object, home.symbol.section, ({ name }) =>
      (this.byName.get(name) ?? []).map((entry) => entry.address),
    );
    const places = new Set(bases.map((base) => base + BigInt(symbol.value)));
    return fitting.filter((candidate) => places.has(candidate.address));
  }

  private only(name: string): bigint {
    const symbol = this.byName.get(name)?.[0];
    if (symbol) return symbol.address;
    throw new KspliceError('bad-confdir', `the kernel's symbols have no ${name}`, {
      advice: 'Run ksplice-ts configure again; a System.map of one line is a placeholder.',
    });
  }
}

/** Those that fulfil a condition; all if none does (the linker makes hidden symbols local). */
function preferred<T>(list: readonly T[], condition: (item: T) => boolean): readonly T[] {
  const some = list.filter(condition);
  return some.length > 0 ? some : list;
}

function distinct(list: readonly NamedAddress[]): NamedAddress[] {
  return list.filter((symbol, index) => symbol.address !== list[index - 1]?.address);
}

function isLocal({ type }: NamedAddress): boolean {
  return type === type.toLowerCase();
}

function isFunction({ type }: NamedAddress): boolean {
  return /^[tTwW]$/.test(type);
}
