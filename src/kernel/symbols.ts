// Symbols of a kernel as kallsyms has them.

/** A line of kallsyms or System.map. */
export interface KernelSymbol {
  readonly name: string;
  /** As nm prints it: T, t, D, d, … */
  readonly type: string;
  readonly address: bigint;
}

/** Addresses by name. */
export class SymbolIndex {
  private readonly byName = new Map<string, bigint[]>();

  constructor(symbols: Iterable<KernelSymbol> = []) {
    for (const { name, address } of symbols) this.add(name, address);
  }

  add(name: string, address: bigint): void {
    const list = this.byName.get(name);
    if (list) list.push(address);
    else this.byName.set(name, [address]);
  }

  /** All addresses of a name, in the order they were added. */
  lookup(name: string): readonly bigint[] {
    return this.byName.get(name) ?? [];
  }
}
