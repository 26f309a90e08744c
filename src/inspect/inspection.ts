// What an update would do, as one value: everything that `inspect` shows comes
// from here. Nothing is asked of a kernel; all of it is in the update.

import { asRecord, asText } from '../base/stored.js';
import type { Program } from '../program/program.js';
import type { AddressOut } from '../update/addresses-out.js';
import type { TargetChange } from '../update/contents.js';
import type { Fixes } from '../update/fixes.js';
import { decodedProgramOf, type KernelName, type Update } from '../update/update.js';
import { type ChangedPart, partsOf } from './changed-parts.js';
import { type DataTypes, dataTypesOf } from './data-types.js';
import { NewModule } from './new-module.js';
import { isFunction, OldCode } from './old-code.js';
import { placeNames } from './place-names.js';
import { type Notes, readTables, type UsedTable } from './special-tables.js';
import { type NeededSymbol, neededSymbols } from './symbols.js';

/** What is compared with the running kernel before anything is switched. */
export interface Matched {
  readonly functions: number;
  /** Of those: that the update replaces, cold parts included. */
  readonly replaced: number;
  /** In bytes. */
  readonly code: number;
  /** Read-only data and strings, in bytes. */
  readonly data: number;
  /** Symbols, sections and strings whose run-time address is inferred. */
  readonly keys: number;
}

export interface TargetInspection {
  readonly target: string;
  /** The modules that are loaded for it, with their sizes as files. */
  readonly modules: readonly { readonly file: string; readonly bytes: number }[];
  /** The object files that changed, in order. */
  readonly objects: readonly string[];
  readonly parts: readonly ChangedPart[];
  readonly tables: readonly UsedTable[];
  readonly symbols: readonly NeededSymbol[];
  readonly matched: Matched;
  /** For listings. */
  readonly oldCode: OldCode;
  readonly newModule: NewModule;
  readonly notes: Notes;
}

export interface Inspection {
  readonly id: string;
  readonly description: string;
  readonly kernel: KernelName;
  readonly fixes: Fixes;
  /** ISO 8601. */
  readonly made: string;
  readonly apiVersion: number;
  /** What `create` proved it against; undefined if nothing, or if the update does not say. */
  readonly provedAgainst: string | undefined;
  readonly patch: string;
  /** The updates that have to be applied before it, the oldest first. */
  readonly on: readonly string[];
  /** Functions that tasks may be in at the switch, by the word of who made it. */
  readonly allowBusy: readonly string[];
  /** Types that change though objects of them may exist, by the word of who made it. */
  readonly allowLayout: readonly string[];
  /** What of its new code others may use after undo. */
  readonly addressesOut: readonly AddressOut[];
  /** Types that change, harmlessly or with that promise. */
  readonly dataTypes: DataTypes;
  readonly targets: readonly TargetInspection[];
}

const asProved = asRecord<{ provedAgainst: string }>({ provedAgainst: asText });

/**
 * Looks into an update.
 * @throws KspliceError `bad-program`, `bad-elf`, `bad-update`,
 *   `unsupported-object` if one of its modules cannot be understood
 */
export function inspectUpdate(update: Update): Inspection {
  const { id, description, kernel, timestamp, apiVersion, patch, contents, report } = update;
  return {
    id,
    description,
    kernel,
    fixes: update.fixes,
    made: timestamp,
    apiVersion,
    provedAgainst: asProved(report)?.provedAgainst,
    patch,
    on: contents.on,
    allowBusy: update.allowBusy,
    allowLayout: update.allowLayout,
    addressesOut: update.addressesOut,
    dataTypes: dataTypesOf(report),
    targets: contents.changes.map((change) => inspectTarget(update, change)),
  };
}

function inspectTarget(update: Update, change: TargetChange): TargetInspection {
  const { target, oldCode: old, newCode } = change;
  const program = decodedProgramOf(update, change);
  const newModule = new NewModule(
    update.modules.get(newCode.module)!.info.object,
    (index) => program.spans[index]?.name,
  );
  const oldCode = new OldCode(program, placeNames(newModule));
  const { tables, notes } = readTables(newModule);
  const parts = partsOf(oldCode, newModule);
  return {
    target,
    modules: [old, newCode].map(({ file, module }) => ({
      file,
      bytes: update.modules.get(module)!.data.length,
    })),
    objects: [...new Set(parts.map(({ object }) => object))].filter((object) => object !== ''),
    parts,
    tables,
    symbols: neededSymbols(newModule),
    matched: matchedOf(program),
    oldCode,
    newModule,
    notes,
  };
}

function matchedOf(program: Program): Matched {
  let functions = 0;
  let replaced = 0;
  let code = 0;
  let data = 0;
  for (const span of program.spans) {
    if (isFunction(span, program)) {
      functions++;
      if (span.replaced) replaced++;
      code += span.bytes.length;
    } else data += span.bytes.length;
  }
  return { functions, replaced, code, data, keys: program.keys.length };
}
