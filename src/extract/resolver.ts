// Knows how new code gets at the running kernel's symbols: exported ones by
// name, others by name and position in kallsyms. Nothing is guessed: where
// several symbols have the name and nothing tells which is meant, the answer
// is a refusal.

import { SHN_UNDEF, STB_LOCAL, STB_WEAK, STT_OBJECT } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { CORE_MODULE } from '../update/contents.js';
import type { Resolution, Sealed, SymbolResolver } from './extraction.js';
import { KernelSymbols } from './kernel-symbols.js';
import { ModuleSymbols } from './module-symbols.js';
import { isSealed } from './read-only.js';
import type { ResolverInput } from './resolver-input.js';
import type { Wanted } from './wanted.js';

/**
 * @throws KspliceError `bad-confdir` if the symbols do not tell where init
 *   code is
 */
export function createResolver(input: ResolverInput): SymbolResolver {
  const kernel = KernelSymbols.of(input.symbols);
  const module = input.module && new ModuleSymbols(input.module, input);
  return new Resolver(input, kernel, module);
}

class Resolver implements SymbolResolver {
  constructor(
    private readonly input: ResolverInput,
    private readonly kernel: KernelSymbols,
    private readonly module: ModuleSymbols | undefined,
  ) {}

  external(label: string, symbol: ElfSymbol): Resolution {
    const { name } = symbol;
    const address = this.input.runAddress?.(label, name);
    const wanted: Wanted = { name, local: false, type: symbol.type, address };
    if (this.input.target !== 'vmlinux') {
      // A module's own global symbol hides an exported one of the same name.
      if (this.module?.defines(name)) return this.inTarget(wanted);
      if (!this.module && name === '__this_module') return noModule(this.input.target);
    }
    // The kernel proper is not linked against modules, whatever they export; its new code is,
    // against the core.
    const exported = this.exported(name);
    const visible =
      this.input.target !== 'vmlinux' ||
      this.isExporter(name, 'vmlinux') ||
      this.isExporter(name, CORE_MODULE);
    if (exported && visible) return exported;
    if (this.kernel.has(name)) return this.kernel.find(wanted);
    if (symbol.binding === STB_WEAK) return { kind: 'absent' };
    if (this.input.target !== 'vmlinux' && !this.module) return noModule(this.input.target);
    return {
      kind: 'unresolved',
      why: 'the running kernel has no such symbol',
      advice:
        'New code can use symbols of the running kernel, and symbols that the update adds to the same target.',
    };
  }

  own(label: string, symbol: ElfSymbol): Resolution {
    const object = this.input.pre.get(label);
    const home = object && homeOf(object, symbol);
    if (!home) {
      return {
        kind: 'unresolved',
        why: 'the object as the distribution compiled it has no such symbol',
        advice: 'The compiler arranged the code differently; make the change in another way.',
      };
    }
    const { name, type } = symbol;
    const address = this.input.runAddress?.(label, name);
    const local = home.symbol.binding === STB_LOCAL;
    // The differ lets pass only what the old code of the same function refers to.
    const mayBeInit = symbol.section?.name.startsWith('.init') ?? false;
    return this.inTarget({ name, local, type, home, address, mayBeInit });
  }

  private inTarget(wanted: Wanted): Resolution {
    const { target } = this.input;
    const exported = !wanted.local && this.isExporter(wanted.name, target);
    // The loader would wait for a module that is only being loaded, and with it for us.
    if (exported && !this.module) return this.exported(wanted.name)!;
    if (target === 'vmlinux') return this.kernel.find(wanted);
    return this.module ? this.module.find(wanted) : noModule(target);
  }

  private isExporter(name: string, module: string): boolean {
    return this.input.exports.get(name)?.module === module;
  }

  private exportIsSealed(name: string, module: string): Sealed {
    if (module === 'vmlinux') return this.kernel.exportIsSealed(name);
    if (module === CORE_MODULE) return undefined;
    const file = this.input.exporters?.get(module);
    const symbol = file?.symbols.find((one) => one.name === name && one.binding !== STB_LOCAL);
    return symbol?.section ? isSealed(symbol) : 'unknown';
  }

  private exported(name: string): Resolution | undefined {
    const exporter = this.input.exports.get(name);
    if (!exporter) return undefined;
    const { module, namespace } = exporter;
    return { kind: 'exported', namespace, sealed: this.exportIsSealed(name, module) };
  }
}

/**
 * The plain pre object's symbol that is the same as one of the sectioned pre
 * object: the compiler numbers static locals alike in both, and a variable of
 * another size is another variable.
 */
function homeOf(object: ElfObject, symbol: ElfSymbol): Wanted['home'] {
  const found = object.symbols.find(
    ({ name, type, size, shndx }) =>
      name === symbol.name &&
      type === symbol.type &&
      shndx !== SHN_UNDEF &&
      (type !== STT_OBJECT || size === symbol.size),
  );
  return found && { object, symbol: found };
}

function noModule(target: string): Resolution {
  return {
    kind: 'unresolved',
    why: `there is no ${target}.ko to look it up in`,
    advice: `Run configure with --image and the directory of the kernel image that has ${target}.ko.`,
  };
}
