// What an update changes, part by part: a function, its cold part, a block of
// data; each with its form in the running kernel and in the new code.

import { coldParent } from '../diff/names.js';
import { STT_FUNC } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import { KspliceError } from '../errors.js';
import type { Span } from '../program/types.js';
import type { NewModule } from './new-module.js';
import type { OldCode } from './old-code.js';

/**
 * `function` and `cold`: replaced code, and what the compiler moved out of its
 * way; `data`: read-only data that is written in place; `new-function`,
 * `new-data`: what the running kernel does not have.
 */
export type PartKind = 'function' | 'cold' | 'data' | 'new-function' | 'new-data';

export interface Part {
  readonly kind: PartKind;
  readonly name: string;
  /** The object file; '' for what only the new code has. */
  readonly object: string;
  readonly old: Span | undefined;
  readonly new: ElfSymbol | undefined;
}

/** Length in bytes of a part's form in the running kernel; 0 if it has none there. */
export function oldSize({ old }: Part): number {
  return old?.bytes.length ?? 0;
}

/** Length in bytes of a part's form in the new code; 0 if it has none there. */
export function newSize({ new: now }: Part): number {
  return now?.size ?? 0;
}

/** Whether a part is made of instructions. */
export function isCode({ kind }: Part): boolean {
  return kind !== 'data' && kind !== 'new-data';
}

/**
 * All parts of a target, each function followed by its cold part.
 * @throws KspliceError `bad-update` for changes that name no span
 */
export function partsOf({ program }: OldCode, module: NewModule): Part[] {
  const parts: Part[] = [];
  const colds = new Map(
    module.kept
      .filter(({ type, name }) => type === STT_FUNC && coldParent(name) !== undefined)
      .map((symbol) => [symbol.name, symbol]),
  );
  const used = new Set<ElfSymbol>();
  for (const { span: index, isData, place } of module.changes) {
    const old = program.spans[index];
    if (!old) {
      throw new KspliceError('bad-update', `${module.object.name}: it replaces no such function`);
    }
    const { name, label: object } = old;
    const now = place ? module.at(place) : colds.get(name);
    if (now) used.add(now);
    const kind = isData ? 'data' : place ? 'function' : 'cold';
    parts.push({ kind, name, object, old, new: now });
  }
  for (const symbol of module.kept.filter((one) => !used.has(one))) {
    const { name } = symbol;
    const parent = parts.find((part) => part.new?.name === coldParent(name));
    const isCode = symbol.type === STT_FUNC;
    const kind = parent ? 'cold' : isCode ? 'new-function' : 'new-data';
    parts.push({ kind, name, object: parent?.object ?? '', old: undefined, new: symbol });
  }
  return besideTheirFunctions(parts);
}

const ORDER: readonly PartKind[] = ['function', 'cold', 'data', 'new-function', 'new-data'];

function besideTheirFunctions(parts: readonly Part[]): Part[] {
  const owner = ({ kind, name }: Part) => (kind === 'cold' ? coldParent(name) : undefined);
  const owners = parts.filter((part) => owner(part) === undefined);
  const placed = new Set<Part>();
  const sorted = [...owners].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const result = sorted.flatMap((part) => {
    const colds = parts.filter(
      (cold) => owner(cold) === part.name && cold.object === part.object && !placed.has(cold),
    );
    for (const cold of colds) placed.add(cold);
    return [part, ...colds];
  });
  const rest = parts.filter((part) => owner(part) !== undefined && !placed.has(part));
  return [...result, ...rest];
}

/** The parts of that name, each with the cold part that belongs to it. */
export function partsNamed(parts: readonly Part[], name: string): Part[] {
  const named = parts.filter((part) => part.name === name);
  return parts.filter(
    (part) =>
      named.includes(part) ||
      (part.kind === 'cold' &&
        coldParent(part.name) === name &&
        named.some(({ object }) => object === part.object)),
  );
}
