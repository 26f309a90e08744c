// Copies of a table that is written in place: a copy keeps the old content. Copies are found
// in the pre object, because the old code has made them: in functions that hand the table, or
// an object that holds its address, to a function that copies it (copiers.ts). A function of
// this object that hands a parameter on is itself one that copies.

import { SHF_EXECINSTR } from '../elf/constants.js';
import { type Call, callsOf, type Handed } from './calls.js';
import { type Copied, copiedBy, isPlainCopy } from './copiers.js';
import { functionName } from './names.js';
import type { Part, Parts } from './parts.js';
import { forEachReference } from './references.js';

/** One place where copies are made. */
export interface Copy {
  readonly caller: Part;
  /** What it calls for it; undefined if that does nothing but copy. */
  readonly copier: string | undefined;
}

/** The places where tables of an object are copied, by table. */
export function findCopies(parts: Parts, tables: ReadonlySet<Part>): Map<Part, Copy[]> {
  const found = new Map<Part, Copy[]>();
  if (tables.size === 0) return found;
  const calls = parts.parts.filter(hasRun).map((part) => [part, callsOf(parts, part)] as const);
  const ownCopiers = findOwnCopiers(calls);
  const held = heldBy(parts, tables);
  for (const [caller, list] of calls) {
    for (const call of list) {
      const copier = copierName(call);
      for (const table of copiedTables(call, ownCopiers, tables, held)) {
        const copies = found.get(table) ?? [];
        found.set(table, copies);
        const isKnown = copies.some((copy) => copy.caller === caller && copy.copier === copier);
        if (!isKnown) copies.push({ caller, copier });
      }
    }
  }
  return found;
}

/**
 * What is to be said of a table that is written in place.
 * @param leadsToNew whether its new content has addresses of what goes into the new code
 */
export function writtenNote(name: string, copies: readonly Copy[], leadsToNew: boolean): string {
  const note = `${name} changed: it is written in place`;
  if (copies.length === 0) return note;
  const makers = copies.map(({ caller, copier }) => {
    const by = functionName(caller);
    return copier === undefined ? `${by}()` : `${copier}() in ${by}()`;
  });
  const shown = makers.slice(0, SHOWN).join(', ');
  const more = makers.length > SHOWN ? ` and ${makers.length - SHOWN} more` : '';
  const isOnce = copies.every(({ caller }) => caller.role === 'init');
  const advice = `${isOnce ? ONCE : AGAIN}${leadsToNew ? UNDO : ''}`;
  return `${note}, and copies made by ${shown}${more} keep the old content: ${advice}`;
}

const SHOWN = 3;
const ONCE =
  'they are made at boot or when the module is loaded; a hook can change them (docs/hooks.md), and a module that is loaded after "apply --partial" copies the new content';
const AGAIN =
  'copies that are made from now on have the new content; a hook can change the others (docs/hooks.md)';

const UNDO =
  '; new copies have addresses of new functions or strings, so they must be gone before the update is undone';

type CallsOfFunctions = readonly (readonly [Part, readonly Call[]])[];
type OwnCopiers = ReadonlyMap<Part, readonly Copied[]>;

/** Code that may have run before the update; a module's exit has not. */
function hasRun({ isFunction, section, role }: Part): boolean {
  if (!isFunction || !(section.flags & SHF_EXECINSTR)) return false;
  return role === 'code' || (role === 'init' && !section.name.startsWith('.exit'));
}

/** Functions of the object that hand a parameter to one that copies it, through any number of calls. */
function findOwnCopiers(calls: CallsOfFunctions): OwnCopiers {
  const own = new Map<Part, Copied[]>();
  let grows = true;
  while (grows) {
    grows = false;
    for (const [part, list] of calls) {
      for (const [values, { what }] of list.flatMap((call) => copiedValues(call, own))) {
        for (const argument of values) {
          if (typeof argument !== 'number') continue;
          const known = own.get(part) ?? [];
          if (known.some((one) => one.argument === argument && one.what === what)) continue;
          own.set(part, [...known, { argument, what }]);
          grows = true;
        }
      }
    }
  }
  return own;
}

/** What may be in the arguments of a call that are copied. */
function copiedValues(
  { callee, arguments: given }: Call,
  own: OwnCopiers,
): [ReadonlySet<Handed>, Copied][] {
  const name = typeof callee === 'string' ? callee : callee.symbol.name;
  // What is copied to the own stack is gone with it.
  if (isPlainCopy(name) && given[0]?.has('stack')) return [];
  const copied = [...copiedBy(name), ...((typeof callee === 'object' && own.get(callee)) || [])];
  return copied.map((one) => [given[one.argument] ?? new Set(), one]);
}

function copiedTables(
  call: Call,
  own: OwnCopiers,
  tables: ReadonlySet<Part>,
  held: ReadonlyMap<Part, ReadonlySet<Part>>,
): Part[] {
  return copiedValues(call, own).flatMap(([values, { what }]) =>
    [...values].flatMap((value) => {
      if (typeof value === 'number') return [];
      const itself = value !== 'stack' && what !== 'inside' ? [value] : [];
      const inside = value === 'stack' ? call.stored : (held.get(value) ?? []);
      const copied = what === 'itself' ? itself : [...itself, ...inside];
      return copied.filter((one) => tables.has(one));
    }),
  );
}

/** Tables whose addresses are in other data, by what holds them. */
function heldBy(parts: Parts, tables: ReadonlySet<Part>): Map<Part, Set<Part>> {
  const held = new Map<Part, Set<Part>>();
  const sections = new Set([...tables].map((table) => table.section));
  forEachReference(
    parts,
    new Set(['data', 'init']),
    (section) => sections.has(section),
    ({ from, target }) => {
      if (!from || from.isFunction || target.kind !== 'part' || !tables.has(target.part)) return;
      held.set(from, (held.get(from) ?? new Set()).add(target.part));
    },
  );
  return held;
}

/** The name of what a caller calls; a helper's that the compiler made a variant of, as in the source. */
function copierName({ callee }: Call): string | undefined {
  const name = typeof callee === 'string' ? callee : functionName(callee);
  return isPlainCopy(name) ? undefined : name;
}
