// How new code gets at what the updates below it added: symbols of their new-code
// modules, found by name and position like those of any module. What was in the
// kernel before them is looked up as if they were not there: the jumps that they
// left lead on.

import type { Homes } from '../diff/homes.js';
import { SHF_ALLOC } from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';
import type { Resolution, SymbolResolver } from './types.js';

/** The new code that one update below has for the target; undefined if it leaves the target alone. */
export type CodeBelow =
  | { readonly id: string; readonly module: string; readonly object: ElfObject }
  | undefined;

/**
 * @param booted resolves symbols of the kernel as it was booted
 * @param homes of all objects of the target, by label
 * @param below by number of the update, the oldest first
 */
export function resolveAbove(
  booted: SymbolResolver,
  homes: ReadonlyMap<string, Homes>,
  below: readonly CodeBelow[],
): SymbolResolver {
  const added = addedGlobals(homes, below);
  return {
    external(label, symbol) {
      const found = booted.external(label, symbol);
      const definition = added.get(symbol.name);
      if (!definition || (found.kind !== 'unresolved' && found.kind !== 'absent')) return found;
      return find(definition.symbol, below[definition.step]);
    },
    own(label, symbol) {
      const home = homes.get(label)?.of(symbol);
      if (home?.kind === 'update') return find(home.symbol, below[home.step]);
      return booted.own(label, home?.symbol ?? symbol);
    },
  };
}

/** Globals that the updates added to the target, by name; the newest of each. */
function addedGlobals(homes: ReadonlyMap<string, Homes>, below: readonly CodeBelow[]) {
  const added = new Map<string, { symbol: ElfSymbol; step: number }>();
  below.forEach((_, step) => {
    for (const one of homes.values()) {
      for (const symbol of one.globalsOf(step)) added.set(symbol.name, { symbol, step });
    }
  });
  return added;
}

/** All that new code defines is local in its module, under its own name. */
function find(wanted: ElfSymbol, code: CodeBelow): Resolution {
  if (!code) return unresolved('the update below that adds it leaves this target alone');
  const all = code.object.symbols.filter(
    ({ name, section }) => name === wanted.name && section && stays(section),
  );
  const fitting = all.filter(({ type, size }) => type === wanted.type && size === wanted.size);
  const [only] = fitting;
  if (only && fitting.length === 1) {
    const { module: object } = code;
    return { kind: 'klp', object, name: wanted.name, position: all.indexOf(only) + 1 };
  }
  return unresolved(
    fitting.length === 0
      ? `the new code of update ${code.id} has no such symbol`
      : `the new code of update ${code.id} has ${fitting.length} symbols of that name`,
  );
}

/** As the module loader keeps symbols for kallsyms. */
function stays({ flags, name }: Section): boolean {
  return (flags & SHF_ALLOC) !== 0 && !name.startsWith('.init');
}

function unresolved(why: string): Resolution {
  return {
    kind: 'unresolved',
    why,
    advice: 'Undo the update below, and make one of both changes.',
  };
}
