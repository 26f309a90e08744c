// New variables that boot code sets up, where no single object shows it: the variable is
// another object's, or a new function sets it up that only boot code calls (`foo_init_queue()`,
// called in `foo_init()`). Within one object: diff/set-at-boot.ts.

import type { Refusal } from '../../base/errors.js';
import type { ObjectDiff } from '../../diff/object-diff.js';
import { setAtBoot } from '../../diff/set-at-boot.js';
import { STB_LOCAL } from '../../elf/constants.js';
import type { ElfObject, ElfSymbol, Section } from '../../elf/object.js';
import type { ComparedObject } from './moved.js';

/** @param told what is refused already */
export function setElsewhere(
  objects: readonly ComparedObject[],
  told: readonly Refusal[],
): Refusal[] {
  const known = new Set(
    told
      .filter(({ code }) => code === 'set-at-boot')
      .map(({ object, symbol }) => `${object} ${symbol}`),
  );
  return objects.flatMap((object) =>
    object.diff.fresh.flatMap(({ symbol, setters }) => {
      if (known.has(`${object.name} ${symbol.name}`)) return [];
      const dead = setters.filter((setter) => isForBoot(setter, object, objects));
      const by = dead[0]?.name ?? setterElsewhere(symbol, object, objects);
      if (by === undefined || !isUsed(symbol, object, objects, dead)) return [];
      return [setAtBoot(symbol.name, by, object.name)];
    }),
  );
}

/** In this object, or in another. */
function setterElsewhere(
  symbol: ElfSymbol,
  object: ComparedObject,
  objects: readonly ComparedObject[],
): string | undefined {
  if (symbol.binding === STB_LOCAL) return undefined;
  for (const one of objects) {
    const by = one === object ? undefined : one.diff.bootSetter(symbol.name);
    if (by !== undefined) return by;
  }
  return undefined;
}

/** Whether boot code calls a new function, and no code that runs later does. */
function isForBoot(
  setter: ElfSymbol,
  object: ComparedObject,
  objects: readonly ComparedObject[],
): boolean {
  const isCalled = objects.some(({ diff }) => callsAtBoot(diff.post, setter, diff === object.diff));
  return isCalled && !isUsed(setter, object, objects, [setter]);
}

function callsAtBoot(
  post: ElfObject,
  { name, section, binding }: ElfSymbol,
  isOwn: boolean,
): boolean {
  return post.sections
    .filter((one) => one.name.startsWith('.init.text'))
    .some((one) =>
      post.relocations(one).some(({ symbol }) => {
        if (isOwn) return symbol.section === section;
        return binding !== STB_LOCAL && !symbol.section && symbol.name === name;
      }),
    );
}

/** Whether new code refers to something, besides those functions. */
function isUsed(
  { name, section, value, size, binding }: ElfSymbol,
  object: ComparedObject,
  objects: readonly ComparedObject[],
  but: readonly ElfSymbol[],
): boolean {
  const without = new Set<Section | undefined>(but.map((one) => one.section));
  return objects.some(({ diff }) => {
    const isOwn = diff === object.diff;
    return references(diff, without).some((target) => {
      if (!isOwn)
        return binding !== STB_LOCAL && !target.symbol.section && target.symbol.name === name;
      if (target.symbol.section !== section) return false;
      const at = target.symbol.value + target.addend;
      // What is relative counts from the end of the field, and so from up to twelve bytes before.
      return at + 12 >= value && at < value + Math.max(size, 1);
    });
  });
}

function references(diff: ObjectDiff, without: ReadonlySet<Section | undefined>) {
  return [...diff.kept]
    .filter((section) => !without.has(section))
    .flatMap((section) => diff.relocations(section));
}
