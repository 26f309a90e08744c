// Whether the data that lives fits the new code: types that a patch changes, and objects of
// them that exist. What cannot be shown to fit is refused, unless the patch's author vouches for it.

import { readBtf } from '../btf/read.js';
import { isBranch } from '../diff/targets.js';
import type { Refusal } from '../diff/types.js';
import { readDwarf } from '../dwarf/read.js';
import {
  R_X86_64_32,
  R_X86_64_32S,
  R_X86_64_64,
  SHF_ALLOC,
  STT_FUNC,
  STT_SECTION,
} from '../elf/constants.js';
import type { ElfObject } from '../elf/object.js';
import { compareTypes, type TypeChange, type TypeChanges } from './changes.js';
import { changedPrototypes, type PrototypeChange } from './prototypes.js';
import { type Functions, whyNotOnStacks } from './stacks.js';
import { layoutDiff, layoutLines } from './text.js';
import { whoHasIt } from './users.js';

/** One object without the patch and with it, both compiled with type information. */
export interface TypedObject {
  readonly name: string;
  readonly pre: ElfObject;
  readonly post: ElfObject;
  /** Functions that are replaced, by the compiler's names. */
  readonly replaced: ReadonlySet<string>;
}

export type LayoutVerdict = 'fits' | 'on stacks' | 'allowed' | 'refused';

/** A type that changes, in all objects where it does so in the same way. */
export interface LayoutChange {
  /** "struct foo", "the variable x", "the function f" */
  readonly name: string;
  readonly objects: readonly string[];
  readonly verdict: LayoutVerdict;
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
  /** The type, what goes marked with "-" and what comes with "+"; empty for variables. */
  readonly lines: readonly string[];
  /** Where objects of it may be. */
  readonly alive: readonly string[];
}

const NO_TYPES = 'the compiler left no type information';

/**
 * All types that change, with a verdict on each.
 * @param allowed types that the author vouches for, as in LayoutChange.name
 */
export function judgeLayout(
  objects: readonly TypedObject[],
  allowed: readonly string[],
): LayoutChange[] {
  const found = new Map<string, { change: TypeChange; types: TypeChanges; in: TypedObject[] }>();
  for (const object of objects) {
    const types = typesThatDiffer(object);
    const functions = changedPrototypes(object.pre, object.post, object.replaced);
    for (const change of [...types.changes, ...functions.map(ofFunction)]) {
      const key = JSON.stringify([change.name, change.reasons, change.notes]);
      const known = found.get(key);
      if (known) known.in.push(object);
      else found.set(key, { change, types, in: [object] });
    }
  }
  return [...found.values()].map(({ change, types, in: where }) => {
    const { name, reasons, notes } = change;
    const isType = change.pre !== undefined;
    const why = reasons.length === 0 ? undefined : isType ? whereNotOnStacks(name, where) : '';
    const lines = change.pre && change.post ? linesOf(types, change.pre, change.post) : [];
    const known = reasons.length > 0 ? whoHasIt(types.pre, name) : [];
    const alive = known.length === 0 && why ? [why] : known;
    return {
      name,
      objects: where.map((object) => object.name),
      verdict: verdictOf(reasons, why, allowed.includes(name)),
      reasons,
      notes,
      lines,
      alive,
    };
  });
}

function ofFunction({ name, was, is }: PrototypeChange): TypeChange {
  const reason = `it was "${was}" and would be "${is}": modules that this update does not compile go on calling it as before`;
  return {
    name: `the function ${name}`,
    pre: undefined,
    post: undefined,
    reasons: [reason],
    notes: [],
  };
}

function verdictOf(
  reasons: readonly string[],
  why: string | undefined,
  isAllowed: boolean,
): LayoutVerdict {
  if (reasons.length === 0) return 'fits';
  if (why === undefined) return 'on stacks';
  return isAllowed ? 'allowed' : 'refused';
}

function linesOf(
  { pre, post }: TypeChanges,
  before: NonNullable<TypeChange['pre']>,
  after: NonNullable<TypeChange['post']>,
): string[] {
  return layoutDiff(layoutLines(pre, before), layoutLines(post, after));
}

/** The same bytes are the same types, as in most objects that read a changed file. */
function typesThatDiffer({ pre, post }: TypedObject): TypeChanges {
  const [before, after] = [pre.section('.BTF'), post.section('.BTF')];
  if (before && after?.data.equals(before.data)) return compareTypes([], []);
  return compareTypes(typesOf(pre), typesOf(post));
}

function typesOf(object: ElfObject) {
  const section = object.section('.BTF');
  // A file without a single type has none; no file of the kernel is like that.
  if (!section) return [{ kind: 'void' as const }];
  return readBtf(section.data, object.name);
}

function whereNotOnStacks(type: string, objects: readonly TypedObject[]): string | undefined {
  for (const object of objects) {
    if (!object.pre.section('.debug_info')) return NO_TYPES;
    const why = whyNotOnStacks(readDwarf(object.pre), type, functionsOf(object));
    if (why !== undefined) return `${object.name}: ${why}`;
  }
  return undefined;
}

/** Tables about code, which lead to functions and call none. */
const CODE_OR_DATA = /^\.(text|data|rodata|bss|ref|sched|noinstr|cpuidle|kprobes|spinlock)/;
const POINTERS: readonly number[] = [R_X86_64_64, R_X86_64_32, R_X86_64_32S];

function functionsOf({ pre, replaced }: TypedObject): Functions {
  const compiled = pre.symbols.filter(({ type, section }) => type === STT_FUNC && section);
  const ofName = (name: string) =>
    compiled.filter((symbol) => symbol.name === name || symbol.name.startsWith(`${name}.`));
  const handedOut = handedOutFunctions(pre);
  return {
    isReplaced: (name) =>
      ofName(name)
        .filter((symbol) => !symbol.name.endsWith('.cold'))
        .every(
          (symbol) => replaced.has(symbol.name) || /^\.(init|exit)\./.test(symbol.section!.name),
        ),
    isHandedOut: (name) =>
      ofName(name).some((symbol) => symbol.binding !== 0 || handedOut.has(symbol.name)),
  };
}

/** Functions whose addresses are in data, or are put into registers. */
function handedOutFunctions(object: ElfObject): Set<string> {
  const names = new Set<string>();
  const bySection = new Map(
    object.symbols
      .filter(({ type, section, value }) => type === STT_FUNC && section && value === 0)
      .map((symbol) => [symbol.section, symbol.name] as const),
  );
  for (const section of object.sections) {
    if ((section.flags & SHF_ALLOC) === 0 || !CODE_OR_DATA.test(section.name)) continue;
    for (const relocation of object.relocations(section)) {
      const { type, symbol, addend } = relocation;
      // What is relative counts from the end of the field.
      const isPointer = POINTERS.includes(type) ? addend === 0 : addend === -4;
      if (!isPointer || isBranch(section, relocation)) continue;
      if (symbol.type === STT_FUNC) names.add(symbol.name);
      const name = symbol.type === STT_SECTION ? bySection.get(symbol.section) : undefined;
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

/** What create says to those that are refused. */
export function layoutRefusals(changes: readonly LayoutChange[]): Refusal[] {
  return changes
    .filter(({ verdict }) => verdict === 'refused')
    .map(({ name, objects, reasons, notes, lines, alive }) => ({
      code: 'layout-changed',
      object: objects.join(', '),
      symbol: name,
      message: [
        `${reasons.join('; ')}.`,
        ...(alive.length > 0 ? [`  Where they may be: ${alive.join('; ')}.`] : []),
        ...notes.map((note) => `  Note: ${note}.`),
        ...lines.map((line) => `    ${line}`),
      ].join('\n'),
      advice: name.startsWith('the function ')
        ? 'Keep the function as it is, and give the new one another name; or promise with --allow-layout "the function NAME" that nobody else calls it.'
        : 'Existing objects keep their layout. Put the new members into a hole or a shadow variable (docs/layout.md), or promise with --allow-layout TYPE that the new code never meets an existing object.',
    }));
}

/** What is said of the others. */
export function layoutNotes(changes: readonly LayoutChange[]): string[] {
  return changes.flatMap(({ name, objects, verdict, reasons, notes }) => {
    const head = `${objects.join(', ')}: ${name}`;
    if (verdict === 'fits') return notes.map((note) => `${head}: ${note}`);
    if (verdict === 'on stacks') {
      return [
        `${head} changes (${reasons.join('; ')}), and is only on stacks of functions that are replaced`,
      ];
    }
    if (verdict === 'allowed') {
      return [`${head} changes, as its author allows: ${reasons.join('; ')}`];
    }
    return [];
  });
}
