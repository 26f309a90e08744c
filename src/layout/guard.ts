// Whether the data that lives fits the new code: types that a patch changes, and objects of
// them that exist. What cannot be shown to fit is refused, unless the patch's author vouches for it.

import { machine } from '../arch/index.js';
import { relocations } from '../arch/relocations.js';
import { readDwarf } from '../dwarf/read.js';
import { SHF_ALLOC, STT_FUNC, STT_SECTION } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { changedAlignments } from './alignment.js';
import type { AnnotationChange } from './annotations.js';
import { compareTypes, type TypeChange, type TypeChanges } from './changes.js';
import type { SourceText } from './code-text.js';
import { typesOf } from './dwarf-types.js';
import { usedAsValue } from './enumerator-uses.js';
import type { ValueUses } from './enums.js';
import { inItsPlace, type Successor } from './in-its-place.js';
import { changedLocals } from './locals.js';
import { layoutDiff, memberLines } from './member-lines.js';
import { changedPrototypes } from './prototypes.js';
import { type Functions, whyMadeElsewhere, whyNotOnStacks } from './stacks.js';
import { changedStatics } from './statics.js';
import { whoHasIt } from './users.js';
import { changedWideEnumerators } from './wide-enums.js';

/** One object without the patch and with it, both compiled with type information. */
export interface TypedObject {
  readonly name: string;
  readonly pre: ElfObject;
  readonly post: ElfObject;
  /** Functions that are replaced, by the compiler's names. */
  readonly replaced: ReadonlySet<string>;
  /** What it is part of is loaded at any time: its boot code runs as it is on the disk, and so does that of its end. */
  readonly isModule?: boolean;
  /** Variables of the running kernel that new code uses, by what they are in the new object. */
  readonly twins?: ReadonlyMap<ElfSymbol, ElfSymbol>;
  /** All that the compiler read, before and after. Without it nothing is known of casts. */
  readonly sources?: Sources;
}

/** The text that an object is made of. Read only if it is asked for. */
export interface Sources {
  pre(): readonly SourceText[];
  post(): readonly SourceText[];
  /** Whether the patch has to do with alignment. */
  readonly mayAlign: boolean;
  /** Whether it may change the value of an enumerator; a type that is defined in a function. */
  readonly mayEnumerate: boolean;
  readonly mayNest: boolean;
  /** Who calls a function and is not compiled anew, by its name: "arch/x86/entry/entry_64.S:12". */
  readonly outside: ReadonlyMap<string, string>;
  /** What is read in another way than the compiler knows. */
  readonly annotated: readonly AnnotationChange[];
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
  const uses = usesIn(objects);
  for (const object of objects) {
    const types = typesThatDiffer(object, uses);
    for (const change of [...types.changes, ...otherChanges(object, types)]) {
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

/** Of what is no type. */
function oneReason(name: string, reason: string): TypeChange {
  return { name, pre: undefined, post: undefined, reasons: [reason], notes: [] };
}

/** All that changes in an object, besides what its BTF tells. */
function otherChanges(
  { pre, post, replaced, twins, sources }: TypedObject,
  { changes }: TypeChanges,
): TypeChange[] {
  const outside = sources?.outside ?? new Map<string, string>();
  const functions = changedPrototypes(pre, post, replaced, outside.keys()).map(
    ({ name, was, is }) => {
      const who = outside.get(name) ?? 'modules that this update does not compile';
      const why = `it was "${was}" and would be "${is}": ${who} ${outside.has(name) ? 'goes' : 'go'} on calling it as before`;
      return oneReason(`the function ${name}`, why);
    },
  );
  const statics = changedStatics(pre, post, twins ?? new Map()).map(({ name, was, is }) =>
    oneReason(`the variable ${name}`, `it was ${was}, and would be ${is}`),
  );
  const aligned = sources?.mayAlign ? changedAlignments(pre, post) : [];
  const wide = sources?.mayEnumerate ? changedWideEnumerators(pre, post) : [];
  const told = new Set(changes.map(({ name }) => name));
  const locals = sources?.mayNest ? changedLocals(pre, post, told) : [];
  const inside = locals.map(({ name, reason }) => oneReason(name, reason));
  return [
    ...functions,
    ...statics,
    ...inside,
    ...[...aligned, ...wide, ...(sources?.annotated ?? [])].map(({ type, reason }) =>
      oneReason(type, reason),
    ),
  ];
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
  return layoutDiff(memberLines(pre, before), memberLines(post, after));
}

/** In the source of all objects: one that has no variable of an enum may use its values. */
function usesIn(objects: readonly TypedObject[]): ValueUses {
  const known = new Map<string, string | undefined>();
  let texts: Set<SourceText> | undefined;
  const search: ValueUses = (name, others) => {
    if (objects.some(({ sources }) => !sources)) return 'its source is not known';
    // Most files are read for many objects.
    texts ??= new Set(objects.flatMap(({ sources }) => [...sources!.pre(), ...sources!.post()]));
    return usedAsValue(texts, name, others);
  };
  return (name, others) => {
    if (!known.has(name)) known.set(name, search(name, others));
    return known.get(name);
  };
}

/** The same bytes are the same types, as in most objects that read a changed file. */
function typesThatDiffer({ pre, post, sources }: TypedObject, uses: ValueUses): TypeChanges {
  const [before, after] = [pre.section('.BTF'), post.section('.BTF')];
  if (before && after?.data.equals(before.data)) return compareTypes([], []);
  const successor: Successor = (gone, came) =>
    sources && came.length > 0 ? inItsPlace(sources.pre(), sources.post(), gone, came) : undefined;
  return compareTypes(typesOf(pre), typesOf(post), uses, successor);
}

function whereNotOnStacks(type: string, objects: readonly TypedObject[]): string | undefined {
  for (const object of objects) {
    const why = whyElsewhere(type, object);
    if (why !== undefined) return `${object.name}: ${why}`;
  }
  return undefined;
}

function whyElsewhere(type: string, object: TypedObject): string | undefined {
  const { pre, post, sources } = object;
  if (!pre.section('.debug_info') || !post.section('.debug_info')) return NO_TYPES;
  const entries = readDwarf(pre);
  return (
    whyNotOnStacks(entries, type, functionsOf(object)) ??
    whyMadeElsewhere(entries, type, sources?.pre()) ??
    whyMadeElsewhere(readDwarf(post), type, sources?.post())
  );
}

/** Tables about code, which lead to functions and call none. */
const CODE_OR_DATA = /^\.(text|data|rodata|bss|ref|sched|noinstr|cpuidle|kprobes|spinlock)/;

const { isBranch, operandAddend } = machine.code;

function functionsOf({ pre, replaced, isModule = false }: TypedObject): Functions {
  const compiled = pre.symbols.filter(({ type, section }) => type === STT_FUNC && section);
  const ofName = (name: string) =>
    compiled.filter((symbol) => symbol.name === name || symbol.name.startsWith(`${name}.`));
  const handedOut = handedOutFunctions(pre);
  return {
    isReplaced: (name) =>
      ofName(name)
        .filter((symbol) => !symbol.name.endsWith('.cold'))
        .every(
          // That of the kernel proper has run, or never will.
          (symbol) =>
            replaced.has(symbol.name) ||
            (!isModule && /^\.(init|exit)\./.test(symbol.section!.name)),
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
      const isPointer = relocations.isAddress(type) ? addend === 0 : addend === operandAddend;
      if (!isPointer || isBranch(section, relocation)) continue;
      if (symbol.type === STT_FUNC) names.add(symbol.name);
      const name = symbol.type === STT_SECTION ? bySection.get(symbol.section) : undefined;
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}
