// New global functions and variables whose name another object of the same target already
// has. A link of the whole target would replace one by the other, or fail. New code would use
// its own symbol, and the running kernel would go on using the other.

import { type Refusal, refusedChange } from '../../base/errors.js';
import type { Homes } from '../../diff/homes.js';
import type { ObjectDiff } from '../../diff/object-diff.js';
import { STB_LOCAL, STB_WEAK } from '../../elf/constants.js';
import type { ElfObject } from '../../elf/object.js';
import type { NamedAddress } from '../../extract/kernel-symbols.js';

interface Known {
  readonly isWeak: boolean;
}

/**
 * The global symbols of a target, as far as they are known.
 * @param symbols of the kernel proper
 * @param homes of the target's objects, where updates are below, which added some
 */
export function globalNames(
  symbols: readonly NamedAddress[],
  target: string,
  module: ElfObject | undefined,
  homes: ReadonlyMap<string, Homes> = new Map(),
): Map<string, Known> {
  const found = new Map<string, Known>();
  for (const home of homes.values()) {
    for (const step of home.steps.keys()) {
      for (const { name } of home.globalsOf(step)) found.set(name, { isWeak: false });
    }
  }
  if (target === 'vmlinux') {
    for (const { name, type } of symbols) {
      // Capital letters are for global ones.
      if (type === type.toUpperCase()) found.set(name, { isWeak: /^[VW]$/.test(type) });
    }
    return found;
  }
  for (const { name, section, binding } of module?.symbols ?? []) {
    if (section && binding !== STB_LOCAL) found.set(name, { isWeak: binding === STB_WEAK });
  }
  return found;
}

/**
 * @param known global names of the target
 * @throws KspliceError `refused-change`
 */
export function refuseTakenNames(
  target: string,
  objects: readonly { readonly label: string; readonly diff: ObjectDiff }[],
  known: ReadonlyMap<string, Known>,
): void {
  const refusals = objects.flatMap(({ label, diff }) => {
    // What had been __init is new as well, and none of another object.
    const own = new Set(diff.pre.symbols.filter(({ section }) => section).map(({ name }) => name));
    return diff.post.symbols.flatMap((symbol) => {
      const { name, section, binding } = symbol;
      if (binding === STB_LOCAL || !section || !diff.kept.has(section)) return [];
      const other = known.get(name);
      if (!other || own.has(name) || diff.origin(symbol)) return [];
      return [refusal(target, label, name, other)];
    });
  });
  if (refusals.length > 0) throw refusedChange(refusals);
}

function refusal(target: string, object: string, symbol: string, { isWeak }: Known): Refusal {
  return {
    code: 'name-taken',
    object,
    symbol,
    message: isWeak
      ? `${object}: ${symbol} is new here, and ${target} has a weak definition of it in another object, which the running code would go on using`
      : `${object}: ${symbol} is new here, and ${target} has one in another object`,
    advice: isWeak
      ? 'Change the weak definition itself.'
      : 'Give the new symbol another name. If it moved here from another file, leave it there.',
  };
}
