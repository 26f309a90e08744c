// How new code refers to the symbols that the updates below it added: symbols of
// their new-code modules, found by name and position like those of any module.
// What was in the kernel before them is looked up as if they were not there: the
// jumps that they left lead on.

import type { Homes } from '../diff/homes.js';
import { SHF_ALLOC } from '../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../elf/object.js';
import { newCodeName } from '../module/new-code-names.js';
import type { Resolution, SymbolResolver } from './extraction.js';
import { addedAs } from './module-symbols.js';
import { isSealed } from './read-only.js';

/** The new code that one update below has for the target; undefined if it leaves the target alone. */
export type CodeBelow =
  | { readonly id: string; readonly module: string; readonly object: ElfObject }
  | undefined;

/** What the updates below have done to one target. */
export interface TargetBelow {
  /** Of all objects of the target that one of them has a part in, by label. */
  readonly homes: ReadonlyMap<string, Homes>;
  /** By number of the update, the oldest first. */
  readonly code: readonly CodeBelow[];
}

/**
 * @param booted resolves symbols of the kernel as it was booted
 * @param own the target of the new code
 * @param others targets whose globals it may use as well
 */
export function resolveAbove(
  booted: SymbolResolver,
  own: TargetBelow,
  others: readonly TargetBelow[],
): SymbolResolver {
  const ownGlobals = addedGlobals(own);
  const otherGlobals = others.map(addedGlobals);
  return {
    external(label, symbol) {
      const found = booted.external(label, symbol);
      if (found.kind !== 'unresolved' && found.kind !== 'absent') return found;
      const { name } = symbol;
      const mine = ownGlobals.get(name);
      if (mine) return mine;
      const [only, ...more] = otherGlobals.flatMap((globals) => globals.get(name) ?? []);
      if (more.length > 0) return unresolved('updates below add it to several targets');
      return only ?? found;
    },
    own(label, symbol) {
      const home = own.homes.get(label)?.of(symbol);
      if (home?.kind === 'update') return find(home.symbol, own.code[home.step]);
      return booted.own(label, home?.symbol ?? symbol);
    },
  };
}

/** Globals that the updates added to a target, by name; the newest of each. */
function addedGlobals({ homes, code }: TargetBelow): Map<string, Resolution> {
  const added = new Map<string, Resolution>();
  code.forEach((newCode, step) => {
    for (const one of homes.values()) {
      for (const symbol of one.globalsOf(step)) added.set(symbol.name, find(symbol, newCode));
    }
  });
  return added;
}

/** All that new code defines is local in its module. */
function find(wanted: ElfSymbol, code: CodeBelow): Resolution {
  if (!code) return unresolved('the update below that adds it does not change this target');
  const inModule = newCodeName(wanted.name, code.id);
  const all = code.object.symbols.filter(
    ({ name, section }) => name === inModule && section && stays(section),
  );
  const fitting = all.filter(({ type, size }) => type === wanted.type && size === wanted.size);
  const [only] = fitting;
  if (only && fitting.length === 1) {
    const { module: object } = code;
    const position = all.indexOf(only) + 1;
    return {
      kind: 'klp',
      object,
      name: inModule,
      position,
      sealed: isSealed(only),
      added: addedAs(only),
    };
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
    advice: 'Undo the update below, and make one update of both changes.',
  };
}
