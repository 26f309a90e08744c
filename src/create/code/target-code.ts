// Old code and new code of one target: the match program from the plain pre
// objects, compared with the kernel's image if there is one, and the new code
// extracted from the post objects.

import { KspliceError, type Refusal, refusedChange } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { describeMismatches } from '../../check/report.js';
import { findAddressesOut } from '../../dangling/find.js';
import { findTracedText } from '../../dangling/traced.js';
import { walkThrough } from '../../dangling/walk.js';
import type { ChangedSymbol } from '../../diff/object-diff.js';
import { SpecialTables } from '../../diff/special.js';
import { STB_WEAK, STT_FUNC } from '../../elf/constants.js';
import { ElfObject } from '../../elf/object.js';
import type { TableSizes } from '../../elf/tables.js';
import { type CodeBelow, resolveAbove } from '../../extract/below.js';
import type { NewCode, SymbolResolver } from '../../extract/extraction.js';
import { extractNewCode } from '../../extract/index.js';
import { createResolver } from '../../extract/resolver.js';
import { sectionsDiffer } from '../../match/function-sections.js';
import { type Generated, generateProgram } from '../../match/generate.js';
import { type MatchResult, type Mismatch, matchProgram } from '../../match/interpret.js';
import { jumpObstacle } from '../../match/jump-room.js';
import type { Update } from '../../update/update.js';
import { moduleFile } from '../module-dir/module-file.js';
import { type KernelFacts, kallsymsTest } from '../tree/kernel-facts.js';
import type { AllHomes, ChangedObjectFile, ChangedTarget, TargetCode } from '../values.js';
import { cookieOf } from './cookie.js';
import { keyExporters } from './key-exporters.js';
import type { SharedSymbols } from './shared-symbols.js';
import { globalNames, refuseTakenNames } from './taken-names.js';

/** With the names that the match program uses. */
type NamedObject = ChangedObjectFile & { readonly booted: ReturnType<typeof bootedNames> };

/** What else there is new code of. */
export interface Company {
  /** The updates below, the oldest first, and where symbols are with them. */
  readonly bases?: readonly Update[];
  readonly homes?: AllHomes;
  /** The update's other targets. */
  readonly shared?: SharedSymbols;
}

/**
 * @param id of the update
 * @throws KspliceError `not-proved` if the image holds other code,
 *   `not-in-kernel` if the image has no such module, `unresolved-symbol`
 */
export async function makeTargetCode(
  id: string,
  changed: ChangedTarget,
  facts: KernelFacts,
  tables: TableSizes,
  ui: Ui,
  { bases = [], homes, shared }: Company = {},
): Promise<TargetCode> {
  const { target } = changed;
  const objects = changed.objects.map((object) => ({ ...object, booted: bootedNames(object) }));
  const module = await targetFile(target, facts);
  const plain = objects.map((object) => object.plain);
  const hasKallsyms = kallsymsTest(facts, module, plain);
  refuseAbsent(target, objects, hasKallsyms);
  refuseWithoutRoom(objects, tables);
  const names = globalNames(facts.symbols, target, module, homes?.get(target));
  refuseTakenNames(target, objects, names);
  const generated = generateProgram({
    objects: objects.map(({ plain, label, booted }) => ({ object: plain, label, ...booted })),
    target,
    hasKallsyms,
    tables,
    cookie: 0n,
  });
  const match = facts.image && matchProgram(generated.program, target, facts.image.kernel);
  if (match && !match.ok) {
    const why = sectionsDiffer(objects, module) ?? overridden(objects, match.mismatches);
    throw notProved(target, match.mismatches, facts, why);
  }
  const unproved = match ? undefined : sectionsDiffer(objects, undefined);
  if (unproved) ui.warn(unproved);
  ui.detail(
    `${target}: ${generated.program.spans.length} spans, ${generated.program.keys.length} keys`,
  );
  const booted = createResolver({
    target,
    exports: facts.exports,
    symbols: facts.symbols,
    pre: new Map(objects.map(({ label, plain }) => [label, plain])),
    module,
    exporters: await keyExporters(changed, facts),
    runAddress: match && ((label, name) => runAddress(generated, match, label, name)),
    places: match && ((name) => facts.image?.kernel.lookup(name, target) ?? []),
  });
  const running = homes && bases.length > 0 ? above(target, booted, bases, homes) : booted;
  const resolver = shared?.resolver(target, running) ?? running;
  const newCode = extractNewCode({ id, objects, program: generated, resolver, tables });
  const cookie = cookieOf(id, target, generated.program, newCode);
  const known = { ...generated, program: { ...generated.program, cookie } };
  return { target, generated: known, match, newCode, ...givenAway(target, objects, newCode) };
}

/** What of the new code others may use after undo. */
function givenAway(
  target: string,
  objects: readonly NamedObject[],
  { object, changes, bindings }: NewCode,
): Pick<TargetCode, 'addressesOut' | 'traced'> {
  const safe = new Set(objects.flatMap(({ diff }) => diff.undoSafe));
  const written = changes.filter(({ isData }) => isData).map(({ symbol }) => symbol);
  const meanings = new Map(bindings.map((binding) => [binding.symbol, binding]));
  const newCode = new ElfObject(object, `the new code of ${target}`);
  const walk = walkThrough(newCode, (name) => meanings.get(name) ?? { name });
  return {
    addressesOut: findAddressesOut(walk, written, safe),
    traced: findTracedText(walk),
  };
}

/** The names, in the booted object, of the functions to replace and of the data to write over. */
function bootedNames({ diff, homes }: ChangedObjectFile) {
  const nameOf = ({ pre }: ChangedSymbol) => homes?.bootedName(pre) ?? pre.name;
  return {
    replaced: new Set(diff.replaced.map(nameOf)),
    written: new Set(diff.written.map(nameOf)),
  };
}

/** As in a build of the whole kernel, code of the kernel proper cannot use what a module defines. */
function above(target: string, booted: SymbolResolver, bases: readonly Update[], homes: AllHomes) {
  const below = (other: string) => ({
    homes: homes.get(other) ?? new Map(),
    code: bases.map((base) => codeBelow(base, other)),
  });
  const others = target === 'vmlinux' ? [] : [...homes.keys()].filter((name) => name !== target);
  return resolveAbove(booted, below(target), others.map(below));
}

function codeBelow({ id, contents, modules }: Update, target: string): CodeBelow {
  const change = contents.changes.find((one) => one.target === target);
  if (!change) return undefined;
  const { module } = change.newCode;
  return { id, module, object: modules.get(module)!.info.object };
}

/** The target's file; undefined for vmlinux, and where nothing is at hand, or only a capture. */
async function targetFile(target: string, facts: KernelFacts): Promise<ElfObject | undefined> {
  if (target === 'vmlinux') return undefined;
  await facts.image?.prepare([target]);
  const file = await moduleFile(target, facts);
  if (!file && facts.image && !facts.image.kernel.hasTarget(target)) {
    throw new KspliceError(
      'not-in-kernel',
      `${facts.image.kernel.origin} has no module ${target}`,
      {
        advice:
          'Check that the configuration directory is for the running kernel, and that its image has the modules, which may come in a package of their own: run configure again.',
        details: { target },
      },
    );
  }
  return file;
}

// kbuild compiles files of a library (lib-y) though the kernel may have no use for them.
function refuseAbsent(
  target: string,
  objects: readonly NamedObject[],
  has: (name: string) => boolean,
): void {
  const absent = objects
    .filter(({ booted }) => booted.replaced.size > 0)
    .filter(({ booted }) => ![...booted.replaced].some(has))
    .map(({ label }) => label);
  if (absent.length === 0) return;
  throw new KspliceError('not-in-kernel', `${absent.join(', ')}: not linked into ${target}`, {
    advice: "The kernel's symbols have none of the changed functions: it needs no patch for them.",
    details: { objects: absent },
  });
}

/** What the core would refuse on every host (`reserved_text`) is said here. */
function refuseWithoutRoom(objects: readonly NamedObject[], tables: TableSizes): void {
  const refusals = objects.flatMap(({ plain, label, booted: { replaced } }) => {
    const special = new SpecialTables(plain, tables);
    return plain.symbols.flatMap((symbol): Refusal[] => {
      if (symbol.type !== STT_FUNC || !replaced.has(symbol.name)) return [];
      const why = jumpObstacle(special, symbol);
      if (!why) return [];
      const message = `${label}: ftrace cannot redirect ${symbol.name}, and there is no room for a jump: ${why}`;
      const advice = 'Leave these functions as they are, and change their callers.';
      return [{ code: 'reserved-text', object: label, symbol: symbol.name, message, advice }];
    });
  });
  if (refusals.length > 0) throw refusedChange(refusals);
}

function runAddress(
  generated: Generated,
  match: MatchResult,
  label: string,
  name: string,
): bigint | undefined {
  const place = generated.keyOf(label, name);
  const value = place && match.values[place.key];
  return value === undefined ? undefined : value + BigInt(place?.offset ?? 0);
}

/** More are in the error's details; a wrong source differs in hundreds of functions. */
const SHOWN = 10;

function notProved(
  target: string,
  mismatches: readonly Mismatch[],
  facts: KernelFacts,
  why: string | undefined,
): KspliceError {
  const differences = describeMismatches(target, mismatches);
  const lines = differences.slice(0, SHOWN).map(({ message }) => `  ${message}`);
  if (differences.length > SHOWN) lines.push(`  and ${differences.length - SHOWN} more`);
  return new KspliceError(
    'not-proved',
    `${facts.image?.kernel.origin} does not hold the code that the compiler makes from this source for ${target}:\n${lines.join('\n')}`,
    {
      advice: why ?? notProvedAdvice(facts),
      details: { differences },
    },
  );
}

/** Of two definitions the linker takes the one that is not weak; all else then fits but this. */
function overridden(
  objects: readonly NamedObject[],
  mismatches: readonly Mismatch[],
): string | undefined {
  const isWeak = ({ object, span }: Mismatch) =>
    objects.some(
      ({ label, plain }) =>
        label === object &&
        plain.symbols.some(({ name, binding }) => name === span && binding === STB_WEAK),
    );
  if (mismatches.length === 0 || !mismatches.every(isWeak)) return undefined;
  const names = [...new Set(mismatches.map(({ span }) => span))].join(', ');
  return `${names}: defined as __weak. If another file of this kernel defines it as well, that definition is the running code: patch that file.`;
}

function notProvedAdvice({ modules }: KernelFacts): string {
  return modules
    ? 'The directory must have the source from which the loaded module was built. Put the words that make was given then into the flags of the configuration.'
    : 'Source, compiler and configuration must be those of the running kernel: compare their package versions.';
}
