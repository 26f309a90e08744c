// What an update changes, part by part: a function, its cold part, a block of
// data; each with its form in the running kernel and in the new code.

import { KspliceError } from '../base/errors.js';
import { coldParent } from '../diff/names.js';
import { STT_FUNC } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Program, Span } from '../program/program.js';
import type { NewModule } from './new-module.js';
import { isFunction, type OldCode } from './old-code.js';

/**
 * `function` and `cold`: replaced code, and what the compiler moved out of its
 * way; `data`: read-only data that is written in place; `copy`: a function that
 * comes along with the section that it shares, while the running kernel keeps its
 * own; `new-function`, `new-data`: everything else in the new code.
 */
export type PartKind = 'function' | 'cold' | 'data' | 'copy' | 'new-function' | 'new-data';

export interface ChangedPart {
  readonly kind: PartKind;
  readonly name: string;
  /** The object file; '' for what only the new code has. */
  readonly object: string;
  readonly old: Span | undefined;
  readonly new: ElfSymbol | undefined;
}

/** Length in bytes of a part's form in the running kernel; 0 if it has none there. */
export function oldSize({ old }: ChangedPart): number {
  return old?.bytes.length ?? 0;
}

/** Length in bytes of a part's form in the new code; 0 if it has none there. */
export function newSize({ new: now }: ChangedPart): number {
  return now?.size ?? 0;
}

/** Whether a part is made of instructions. */
export function isCodePart({ kind }: ChangedPart): boolean {
  return kind !== 'data' && kind !== 'new-data';
}

/**
 * All parts of a target, each function followed by its cold part.
 * @throws KspliceError `bad-update` for changes that name no span
 */
export function partsOf({ program }: OldCode, module: NewModule): ChangedPart[] {
  const colds = new Map(
    module.kept
      .filter(({ type, name }) => type === STT_FUNC && coldParent(name) !== undefined)
      .map((symbol) => [module.nameOf(symbol), symbol]),
  );
  const parts = module.changes.map(({ span, isData, place }): ChangedPart => {
    const old = program.spans[span];
    const now = place ? module.at(place) : colds.get(old?.name ?? '');
    if (!old || (place && !now)) {
      throw new KspliceError('bad-update', `${module.object.name}: it replaces no such function`);
    }
    const kind = isData ? 'data' : place ? 'function' : 'cold';
    return { kind, name: old.name, object: old.label, old, new: now };
  });
  // A function may have several names; one is enough.
  const isNamed = (symbol: ElfSymbol) =>
    parts.some(({ new: now }) => now?.section === symbol.section && now?.value === symbol.value);
  for (const symbol of module.kept) {
    if (!colds.has(module.nameOf(symbol)) && !isNamed(symbol)) parts.push(added(symbol, program));
  }
  for (const [name, symbol] of colds) {
    if (isNamed(symbol)) continue;
    const object = parts.find((part) => part.name === coldParent(name))?.object ?? '';
    parts.push({ kind: 'cold', name, object, old: undefined, new: symbol });
  }
  return besideTheirFunctions(parts);
}

/** A part of the new code that replaces nothing. */
function added(symbol: ElfSymbol, program: Program): ChangedPart {
  const { name } = symbol;
  if (symbol.type !== STT_FUNC) {
    return { kind: 'new-data', name, object: '', old: undefined, new: symbol };
  }
  const same = program.spans.filter(
    (span) => span.name === name && !span.replaced && isFunction(span, program),
  );
  const [old] = same;
  if (!old || same.length > 1) {
    return { kind: 'new-function', name, object: '', old: undefined, new: symbol };
  }
  return { kind: 'copy', name, object: old.label, old, new: symbol };
}

const ORDER: readonly PartKind[] = ['function', 'cold', 'data', 'copy', 'new-function', 'new-data'];

function besideTheirFunctions(parts: readonly ChangedPart[]): ChangedPart[] {
  const owner = ({ kind, name }: ChangedPart) => (kind === 'cold' ? coldParent(name) : undefined);
  const owners = parts.filter((part) => owner(part) === undefined);
  const placed = new Set<ChangedPart>();
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
export function partsNamed(parts: readonly ChangedPart[], name: string): ChangedPart[] {
  const named = parts.filter((part) => part.name === name);
  return parts.filter(
    (part) =>
      named.includes(part) ||
      (part.kind === 'cold' &&
        coldParent(part.name) === name &&
        named.some(({ object }) => object === part.object)),
  );
}
