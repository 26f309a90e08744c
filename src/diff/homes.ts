// Where the functions and variables of an object are, in a kernel in which updates
// are applied: in the kernel as it was booted, or in the new code of one of the updates.

import type { ElfObject, ElfSymbol } from '../elf/object.js';
import type { ObjectDiff } from './object-diff.js';

export type Home =
  /** A symbol of the object as it was booted. */
  | { readonly kind: 'booted'; readonly symbol: ElfSymbol }
  /** A symbol of the object that update number `step` was made of, from 0. */
  | { readonly kind: 'update'; readonly step: number; readonly symbol: ElfSymbol };

export class Homes {
  /**
   * @param booted the object before the first update
   * @param steps from each state to the next, the oldest first; the post object of
   *   one is the pre object of the next
   */
  constructor(
    readonly booted: ElfObject,
    readonly steps: readonly ObjectDiff[],
  ) {}

  /** @param symbol of the object after the last step */
  of(symbol: ElfSymbol): Home {
    let here = symbol;
    for (let step = this.steps.length - 1; step >= 0; step--) {
      const before = this.steps[step]!.origin(here);
      if (!before) return { kind: 'update', step, symbol: here };
      here = before;
    }
    return { kind: 'booted', symbol: here };
  }

  /** The name that it has in the object as it was booted; undefined if it is not there. */
  bootedName(symbol: ElfSymbol): string | undefined {
    const home = this.of(symbol);
    return home.kind === 'booted' ? home.symbol.name : undefined;
  }

  /** The global symbols that the new code of an update defines. */
  globalsOf(step: number): ElfSymbol[] {
    const diff = this.steps[step]!;
    return diff.post.symbols.filter(
      (symbol) =>
        symbol.binding !== 0 &&
        symbol.section !== undefined &&
        diff.kept.has(symbol.section) &&
        !diff.origin(symbol),
    );
  }
}
