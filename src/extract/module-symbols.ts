// The symbols of a module file that are in kallsyms once the module is loaded,
// and their positions as the kernel's module loader counts them: in the order
// of the file's symbol table, among those of one name
// (kernel/module/kallsyms.c, is_core_symbol() and module_kallsyms_on_each_symbol()).

import {
  SHF_ALLOC,
  STB_LOCAL,
  STT_FILE,
  STT_FUNC,
  STT_NOTYPE,
  STT_SECTION,
} from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';
import type { Added, Resolution } from './extraction.js';
import { possibleBases } from './positions.js';
import { isSealed } from './read-only.js';
import type { ResolverInput } from './resolver-input.js';
import { ambiguous, initOnly, typeFits, type Wanted } from './wanted.js';

export class ModuleSymbols {
  /** What stays after the module's init function, in symbol table order. */
  private readonly core = new Map<string, ElfSymbol[]>();
  private readonly init = new Set<string>();
  /** Of `core`, those that the init code has a symbol of the same name before. */
  private readonly behindInit = new Set<ElfSymbol>();
  private sectionAddresses: Map<Section, bigint> | undefined;

  constructor(
    module: ElfObject,
    private readonly input: ResolverInput,
  ) {
    for (const symbol of module.symbols) {
      const { section, name } = symbol;
      if (!section || name === '' || symbol.type === STT_FILE) continue;
      if (isInit(section)) this.init.add(name);
      else if (isLoaded(section)) {
        if (this.init.has(name)) this.behindInit.add(symbol);
        const list = this.core.get(name);
        if (list) list.push(symbol);
        else this.core.set(name, [symbol]);
      }
    }
  }

  /** Whether one of the module's objects defines the name for the others. */
  defines(name: string): boolean {
    if (this.init.has(name)) return true;
    return (this.core.get(name) ?? []).some((symbol) => symbol.binding !== STB_LOCAL);
  }

  find(wanted: Wanted): Resolution {
    const { target } = this.input;
    const all = this.core.get(wanted.name) ?? [];
    if (all.length === 0) {
      if (this.init.has(wanted.name)) return initOnly(target);
      return {
        kind: 'unresolved',
        why: `${target}.ko has no such symbol`,
        advice: `Check that ${target}.ko in the kernel image belongs to this kernel.`,
      };
    }
    const found = this.narrow(all, wanted);
    if (found.length !== 1) return ambiguous(all.length, `${target}.ko`);
    const [symbol] = found;
    const position = all.indexOf(symbol!) + 1;
    const behindInit = this.behindInit.has(symbol!) || undefined;
    const sealed = isSealed(symbol!);
    return { kind: 'klp', object: target, name: wanted.name, position, behindInit, sealed };
  }

  private narrow(all: readonly ElfSymbol[], wanted: Wanted): readonly ElfSymbol[] {
    const { home, address } = wanted;
    const fitting = all.filter(
      (symbol) =>
        (symbol.binding === STB_LOCAL) === wanted.local &&
        (symbol.type === STT_NOTYPE || typeFits(wanted.type, symbol.type === STT_FUNC)),
    );
    if (fitting.length < 2) return fitting;
    if (address !== undefined) {
      const places = this.input.places?.(wanted.name) ?? [];
      const there = fitting.filter((symbol) => places[all.indexOf(symbol)] === address);
      if (places.length === all.length && there.length > 0) return there;
      const bases = this.addresses();
      const matched = fitting.filter(
        ({ section, value }) => bases.get(section!) === address - BigInt(value),
      );
      if (matched.length > 0) return matched;
    }
    if (!home?.symbol.section) return fitting;
    const bases = possibleBases(home.object, home.symbol.section, ({ name }) =>
      (this.core.get(name) ?? []).map(placeOf),
    );
    const places = new Set(bases.map((base) => base + BigInt(home.symbol.value)));
    return fitting.filter((symbol) => places.has(placeOf(symbol)));
  }

  /**
   * Run-time addresses of the module's sections, from symbols of the changed
   * objects whose name is unique in the module.
   */
  private addresses(): Map<Section, bigint> {
    if (this.sectionAddresses) return this.sectionAddresses;
    const addresses = new Map<Section, bigint>();
    for (const [label, object] of this.input.pre) {
      for (const { name, section, type } of object.symbols) {
        const candidates = this.core.get(name);
        if (!section || type === STT_SECTION || candidates?.length !== 1) continue;
        const [symbol] = candidates;
        if (addresses.has(symbol!.section!)) continue;
        const address = this.input.runAddress?.(label, name);
        if (address !== undefined) {
          addresses.set(symbol!.section!, address - BigInt(symbol!.value));
        }
      }
    }
    this.sectionAddresses = addresses;
    return addresses;
  }
}

/** What a symbol of new code is to new code that is loaded later. */
export function addedAs({ type }: ElfSymbol): Added {
  return type === STT_FUNC ? 'function' : 'data';
}

/** A place in the module file as one number: section and offset. */
function placeOf({ section, value }: ElfSymbol): bigint {
  return (BigInt(section!.index) << 64n) + BigInt(value);
}

/** Freed after the module's init function. */
function isInit(section: Section): boolean {
  return section.name.startsWith('.init');
}

/** The loader takes ALLOC from the two sections that it reads itself. */
function isLoaded(section: Section): boolean {
  return (
    (section.flags & SHF_ALLOC) !== 0 &&
    section.name !== '.modinfo' &&
    section.name !== '__versions'
  );
}
