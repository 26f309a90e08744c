// If a patch moves a symbol from one file to another, one object loses the symbol and the
// other has a new one. A new variable would begin with its initial value, and callers of the
// function in other files would go on calling the old one.

import type { Refusal } from '../../base/errors.js';
import { dataKind } from '../../diff/data-kinds.js';
import { staticLocalBase } from '../../diff/names.js';
import type { ObjectDiff } from '../../diff/object-diff.js';
import { STB_LOCAL, STT_FUNC } from '../../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../../elf/object.js';

/** An object with the names of what it is linked into. */
export interface ComparedObject {
  readonly name: string;
  readonly owners: readonly string[];
  readonly diff: ObjectDiff;
}

/** What moved between objects that are linked into one target; between targets only global variables do. */
export function movedSymbols(objects: readonly ComparedObject[]): Refusal[] {
  const gone = objects.flatMap((object) => {
    const { functions, data, pre } = object.diff;
    return named(pre, [...functions.removed, ...data.removed]).map((symbol) => ({
      object,
      symbol,
    }));
  });
  if (gone.length === 0) return [];
  return objects.flatMap((object) => {
    const { functions, data, post } = object.diff;
    return named(post, [...functions.added, ...data.added]).flatMap((symbol) => {
      const from = gone.find(
        (one) =>
          one.object !== object &&
          (one.object.owners.some((owner) => object.owners.includes(owner))
            ? isSame(one.symbol, symbol)
            : isSameVariable(one.symbol, symbol)),
      );
      return from ? [moved(symbol, from.object.name, object.name)] : [];
    });
  });
}

function named(object: ElfObject, names: readonly string[]): ElfSymbol[] {
  const wanted = new Set(names.filter((name) => staticLocalBase(name) === undefined));
  return object.symbols.filter(({ name, section }) => section && wanted.has(name));
}

/**
 * Two files may each have a static function of a name. Of two static variables
 * of one name, size and kind that go and come in one patch that is not believed.
 */
function isSame(old: ElfSymbol, now: ElfSymbol): boolean {
  if (old.name !== now.name) return false;
  if (old.binding !== STB_LOCAL && now.binding !== STB_LOCAL) return true;
  if (old.type === STT_FUNC || now.type === STT_FUNC) return false;
  return hasState(old, now);
}

/** Functions of two targets may have one name, and static variables; of global variables in one patch that is not believed. */
function isSameVariable(old: ElfSymbol, now: ElfSymbol): boolean {
  if (old.name !== now.name || old.type === STT_FUNC || now.type === STT_FUNC) return false;
  if (old.binding === STB_LOCAL || now.binding === STB_LOCAL) return false;
  return hasState(old, now);
}

function hasState(old: ElfSymbol, now: ElfSymbol): boolean {
  const [was, is] = [dataKind(old.section!), dataKind(now.section!)];
  return was === is && was !== 'read-only' && old.size === now.size;
}

function moved({ name, type }: ElfSymbol, from: string, to: string): Refusal {
  const what =
    type === STT_FUNC
      ? `callers that are not part of the change go on calling the one in ${from}`
      : 'the new code would lose the running variable and use a new one with its initial value';
  return {
    code: 'moved',
    object: to,
    symbol: name,
    message: `${name} moved here from ${from}; ${what}`,
    advice: `Leave it in its old file, and declare it in the new one.`,
  };
}
