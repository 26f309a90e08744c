// The undefined symbols of the new code: each symbol of the running kernel
// once, under the name by which it will be found.

import { listedError, type Problem } from '../base/errors.js';
import { STB_GLOBAL, STB_WEAK } from '../elf/constants.js';
import { type ModelSymbol, newSymbol } from '../elf/model.js';
import type { ElfSymbol } from '../elf/object.js';
import type { KlpBinding } from '../module/livepatch.js';
import type { Resolution, Sealed, SymbolResolver } from './extraction.js';

type Unresolved = Extract<Resolution, { kind: 'unresolved' }>;

/** A symbol that is read-only, or may be. */
interface Protected {
  readonly label: string;
  readonly name: string;
  readonly sealed: Exclude<Sealed, undefined>;
}

export class Undefined {
  private readonly symbols = new Map<string, ModelSymbol>();
  private readonly protectedOnes = new Map<ModelSymbol, Protected>();
  private readonly klp = new Map<ModelSymbol, KlpBinding>();
  private readonly imported = new Set<string>();
  private readonly problems: (Problem & { object: string; symbol: string })[] = [];
  private readonly reported = new Set<string>();

  constructor(private readonly resolver: SymbolResolver) {}

  /** The stand-in for a symbol that a changed object leaves undefined. */
  external(label: string, symbol: ElfSymbol): ModelSymbol {
    return this.standIn(label, symbol, this.resolver.external(label, symbol));
  }

  /** Names an exported symbol that nothing refers to; any other is left out. */
  mention(label: string, symbol: ElfSymbol): void {
    const resolution = this.resolver.external(label, symbol);
    if (resolution.kind === 'exported') this.standIn(label, symbol, resolution);
    else if (sealedOf(resolution) && isStaticCallKey(symbol)) this.refuseSealedCall(label, symbol);
  }

  /** The module loader links a static call to its key as it does a jump label (static_call_add_module()). */
  refuseSealedCall(label: string, { name }: ElfSymbol): void {
    this.addProblem(label, name, {
      kind: 'unresolved',
      why: 'it is the key of a static call and may be read-only, and the module loader would write to it',
      advice: 'Call the target of the static call directly, if the source allows it.',
    });
  }

  /** The stand-in for a symbol that the pre object defines. */
  own(label: string, symbol: ElfSymbol): ModelSymbol {
    return this.standIn(label, symbol, this.resolver.own(label, symbol));
  }

  isKlp(symbol: ModelSymbol): boolean {
    return this.klp.has(symbol);
  }

  /** Whether a static key is read-only by now. It is a problem if nothing tells. */
  isSealedKey(symbol: ModelSymbol): boolean {
    const found = this.protectedOnes.get(symbol);
    if (found?.sealed === 'unknown') {
      this.addProblem(found.label, found.name, {
        kind: 'unresolved',
        why: 'it is a static key, and nothing shows whether it is already read-only',
        advice: 'Give the kernel image in the configuration, with the module that has the key.',
      });
    }
    return found?.sealed === true;
  }

  all(): ModelSymbol[] {
    return [...this.symbols.values()];
  }

  bindings(): KlpBinding[] {
    return [...this.klp.values()];
  }

  exported(): string[] {
    return this.all()
      .filter((symbol) => !this.klp.has(symbol) && symbol.binding !== STB_WEAK)
      .map((symbol) => symbol.name)
      .sort();
  }

  namespaces(): string[] {
    return [...this.imported].sort();
  }

  addProblem(object: string, symbol: string, { why, advice }: Unresolved): void {
    const key = `${object} ${symbol}`;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    const message = `${object}: ${symbol}: ${why}`;
    this.problems.push({ code: 'unresolved-symbol', object, symbol, message, advice });
  }

  /** @throws KspliceError `unresolved-symbol` with all problems there are */
  refuseUnresolved(): void {
    if (this.problems.length === 0) return;
    throw listedError('unresolved-symbol', 'the new code needs symbols', this.problems);
  }

  private standIn(label: string, symbol: ElfSymbol, resolution: Resolution): ModelSymbol {
    const standIn = this.resolved(label, symbol, resolution);
    const sealed = sealedOf(resolution);
    if (sealed) this.protectedOnes.set(standIn, { label, name: symbol.name, sealed });
    if (sealed && isStaticCallKey(symbol)) this.refuseSealedCall(label, symbol);
    return standIn;
  }

  private resolved(label: string, symbol: ElfSymbol, resolution: Resolution): ModelSymbol {
    switch (resolution.kind) {
      case 'exported':
        if (resolution.namespace !== '') this.imported.add(resolution.namespace);
        return this.named(symbol.name, STB_GLOBAL);
      case 'absent':
        return this.named(symbol.name, STB_WEAK);
      case 'klp': {
        const { object, name, position, behindInit, added } = resolution;
        // Not a C identifier, so that it can clash with nothing.
        const mangled = `ksplice.${object}.${position}.${name}`;
        const standIn = this.named(mangled, STB_GLOBAL);
        this.klp.set(standIn, { symbol: mangled, object, name, position, behindInit, added });
        return standIn;
      }
      case 'unresolved':
        this.addProblem(label, symbol.name, resolution);
        return this.named(symbol.name, STB_GLOBAL);
    }
  }

  private named(name: string, binding: number): ModelSymbol {
    let symbol = this.symbols.get(name);
    if (!symbol) {
      symbol = newSymbol({ name, binding });
      this.symbols.set(name, symbol);
    }
    // A strong reference from another object decides.
    if (binding === STB_GLOBAL) symbol.binding = STB_GLOBAL;
    return symbol;
  }
}

function sealedOf(resolution: Resolution): Sealed {
  const { kind } = resolution;
  return kind === 'exported' || kind === 'klp' ? resolution.sealed : undefined;
}

function isStaticCallKey({ name }: ElfSymbol): boolean {
  return name.startsWith('__SCK__');
}
