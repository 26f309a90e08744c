// Symbols that one target's new code adds and another's uses: found by name in the
// new-code module that defines them, which is therefore loaded first.

import { KspliceError } from '../../base/errors.js';
import type { ElfSymbol } from '../../elf/object.js';
import { ElfObject } from '../../elf/object.js';
import type { Resolution, SymbolResolver } from '../../extract/extraction.js';
import { addedAs } from '../../extract/module-symbols.js';
import { isSealed } from '../../extract/read-only.js';
import { newCodeName, plainName } from '../../module/new-code-names.js';
import { moduleNames } from '../../update/contents.js';
import type { ChangedTarget, TargetCode } from '../values.js';

interface Definition {
  readonly target: string;
  readonly symbol: ElfSymbol;
}

export class SharedSymbols {
  /** New global symbols by name. */
  private readonly definitions = new Map<string, Definition[]>();
  /** By target: those whose new code it uses. */
  private readonly uses = new Map<string, Set<string>>();

  /** @param id of the update, which its modules are named after */
  constructor(
    private readonly id: string,
    targets: readonly ChangedTarget[],
  ) {
    for (const { target, objects } of targets) {
      for (const { diff } of objects) {
        for (const symbol of diff.post.symbols) {
          const { section, binding, name } = symbol;
          if (binding === 0 || !section || !diff.kept.has(section) || diff.origin(symbol)) continue;
          const list = this.definitions.get(name) ?? [];
          this.definitions.set(name, [...list, { target, symbol }]);
        }
      }
    }
  }

  /** A resolver that also knows what the other targets of the update add. */
  resolver(target: string, kernel: SymbolResolver): SymbolResolver {
    return {
      own: (label, symbol) => kernel.own(label, symbol),
      external: (label, symbol) => {
        const found = kernel.external(label, symbol);
        const isFound = found.kind !== 'unresolved' && found.kind !== 'absent';
        return isFound ? found : (this.find(target, symbol.name) ?? found);
      },
    };
  }

  private find(target: string, name: string): Resolution | undefined {
    // The kernel proper is not linked against modules, whatever they define.
    if (target === 'vmlinux') return undefined;
    const all = this.definitions.get(name) ?? [];
    const [only] = all;
    if (!only) return undefined;
    if (all.length > 1) {
      return {
        kind: 'unresolved',
        why: `the new code of ${all.map((one) => one.target).join(' and ')} each has one`,
        advice: 'Give the new symbols different names.',
      };
    }
    this.uses.set(target, (this.uses.get(target) ?? new Set()).add(only.target));
    // All that new code defines is local there; checkPositions() sees that none else has the name.
    const object = moduleNames(this.id, only.target).newModule;
    const found = { object, name: newCodeName(name, this.id), position: 1 };
    return { kind: 'klp', ...found, sealed: isSealed(only.symbol), added: addedAs(only.symbol) };
  }

  /**
   * In the order in which the new code has to be loaded.
   * @throws KspliceError `unresolved-symbol` if two use each other's
   */
  inOrder(code: readonly TargetCode[]): TargetCode[] {
    const sorted: TargetCode[] = [];
    const add = (one: TargetCode, path: readonly string[]): void => {
      if (sorted.includes(one)) return;
      if (path.includes(one.target)) throw inCircle([...path, one.target]);
      for (const target of this.uses.get(one.target) ?? []) {
        add(code.find((other) => other.target === target)!, [...path, one.target]);
      }
      sorted.push(one);
    };
    for (const one of code) add(one, []);
    return sorted;
  }

  /**
   * Whether the finished modules hold the symbols where the new code of others looks for them.
   * @param read the file of a module of the update
   * @throws KspliceError `unresolved-symbol`
   */
  checkPositions(code: readonly TargetCode[], read: (module: string) => Buffer): void {
    for (const { target, newCode } of code) {
      for (const used of this.uses.get(target) ?? []) {
        const { newModule } = moduleNames(this.id, used);
        const object = new ElfObject(read(newModule), newModule);
        for (const { object: module, name } of newCode.bindings) {
          if (module !== newModule) continue;
          const found = object.symbols.filter((symbol) => symbol.name === name && symbol.section);
          if (found.length !== 1) throw notAlone(plainName(name), used, found.length);
        }
      }
    }
  }
}

function inCircle(path: readonly string[]): KspliceError {
  const message = `new code of ${path.join(' uses what is new in ')}: none can be loaded first`;
  return new KspliceError('unresolved-symbol', message, {
    advice: 'Define symbols that several modules share in one of them, or in the kernel proper.',
  });
}

function notAlone(name: string, target: string, count: number): KspliceError {
  const message = `the new code of ${target} has ${count} symbols ${name}, and another target uses it`;
  return new KspliceError('unresolved-symbol', message, {
    advice: 'Give the new symbol a name that occurs only once.',
  });
}
