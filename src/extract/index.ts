// Takes the new code of one target out of the post objects: one relocatable
// object that kbuild links into the new-code module.
//
// All that is defined here becomes local, under its name and the update's id
// (new-code-names.ts): whoever reads a backtrace finds it, and whoever asks
// kallsyms for the name finds the running kernel's alone. Global are only the
// ksplice_* symbols that the module's C source refers to.

import type { Homes } from '../diff/homes.js';
import { coldParent } from '../diff/names.js';
import { STT_FUNC } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import { CONSTANT, CONSTANTS_SECTION, type TableSizes } from '../elf/tables.js';
import { writeObject } from '../elf/writer.js';
import { Assembly } from './assembly.js';
import type {
  CalledHook,
  Change,
  ChangedObject,
  NewCode,
  ProgramIndex,
  SymbolResolver,
} from './extraction.js';
import { chooseRefs } from './refs.js';
import { findSealed } from './sealed.js';
import { Undefined } from './undefined.js';

export interface ExtractInput {
  /** Of the update. */
  readonly id: string;
  /** The changed objects of one target. */
  readonly objects: readonly ChangedObject[];
  /** The match program made from the plain pre objects of the same target. */
  readonly program: ProgramIndex;
  readonly resolver: SymbolResolver;
  readonly tables: TableSizes;
}

/**
 * The new code of one target.
 * @throws KspliceError `unresolved-symbol`, naming every symbol that new code
 *   cannot get at
 */
export function extractNewCode(input: ExtractInput): NewCode {
  const undefinedSymbols = new Undefined(input.resolver);
  const assembly = new Assembly(input.objects, undefinedSymbols, input.id);
  for (const object of input.objects) assembly.addSections(object);
  for (const object of input.objects) assembly.addRelocations(object);
  const changes = nameChanges(input, assembly, undefinedSymbols);
  const hooks = nameHooks(input.objects, assembly);
  const sealed = findSealed(assembly, undefinedSymbols);
  const constants = nameConstants(assembly);
  undefinedSymbols.refuseUnresolved();
  const refs = chooseRefs(
    assembly,
    (symbol) => undefinedSymbols.isKlp(symbol),
    input.program,
    input.tables,
  );
  return {
    object: writeObject(assembly.model()),
    exported: undefinedSymbols.exported(),
    bindings: undefinedSymbols.bindings(),
    changes,
    refs,
    hooks,
    sealed,
    constants,
    namespaces: undefinedSymbols.namespaces(),
  };
}

/** Gives new code and new contents global names, and finds the spans of the old. */
function nameChanges(
  { objects, program }: ExtractInput,
  assembly: Assembly,
  problems: Undefined,
): Change[] {
  const changes: Change[] = [];
  let number = 0;
  for (const { label, diff, homes } of objects) {
    const booted = homes?.booted ?? diff.pre;
    for (const { pre, post } of diff.replaced) {
      const name = bootedName(homes, pre);
      const span = program.spanOf(label, name);
      if (span === undefined) {
        problems.addProblem(label, pre.name, {
          kind: 'unresolved',
          why: 'the object as the distribution compiled it has no such function',
          advice: 'The compiler inlined it differently; change its callers instead.',
        });
        continue;
      }
      const symbol = `ksplice_new_${number++}`;
      assembly.addGlobal(symbol, assembly.sectionOf(post.section!), post.value, post.size);
      changes.push({ label, name, span, symbol, isData: false });
      for (const cold of coldParts(booted.symbols, name)) {
        const coldSpan = program.spanOf(label, cold);
        if (coldSpan !== undefined) {
          changes.push({ label, name: cold, span: coldSpan, symbol: '', isData: false });
        }
      }
    }
    for (const { pre, post } of diff.written) {
      const name = bootedName(homes, pre);
      const span = program.spanOf(label, name);
      if (span === undefined) throw new Error(`${label}: the match program has no ${name}`);
      const symbol = `ksplice_new_${number++}`;
      assembly.addGlobal(symbol, assembly.sectionOf(post.section!), post.value, post.size);
      changes.push({ label, name, span, symbol, isData: true });
    }
  }
  return changes;
}

/** What is replaced is always in the kernel as it was booted: the differ has seen to it. */
function bootedName(homes: Homes | undefined, pre: ElfSymbol): string {
  return homes ? (homes.bootedName(pre) ?? '') : pre.name;
}

/** Gives hooks global names. */
function nameHooks(objects: readonly ChangedObject[], assembly: Assembly): CalledHook[] {
  const all = objects.flatMap(({ diff }) => diff.hooks);
  return all.map(({ kind, symbol: { section, value, size } }, index) => {
    const symbol = `ksplice_hook_${index}`;
    assembly.addGlobal(symbol, assembly.sectionOf(section!), value, size);
    return { kind, symbol };
  });
}

/** Gives the table of operands that the core fills in a global name. */
function nameConstants(assembly: Assembly): NewCode['constants'] {
  const table = assembly.table(CONSTANTS_SECTION);
  if (!table) return undefined;
  const symbol = 'ksplice_constants';
  assembly.addGlobal(symbol, table, 0, table.size);
  return { symbol, count: table.size / CONSTANT.size };
}

/** The parts of a function that the compiler moved out of the way: f.cold, f.cold.3. */
function coldParts(symbols: readonly ElfSymbol[], name: string): string[] {
  return symbols
    .filter((symbol) => symbol.type === STT_FUNC && coldParent(symbol.name) === name)
    .map((symbol) => symbol.name);
}
