// The values that create's rooms hand to each other: an object on its way from the compiler to new
// code, and the report about it.

import type { TracedText } from '../dangling/traced.js';
import type { Homes } from '../diff/homes.js';
import type { ObjectDiff } from '../diff/object-diff.js';
import type { ElfObject } from '../elf/object.js';
import type { NewCode } from '../extract/extraction.js';
import type { LayoutChange } from '../layout/guard.js';
import type { Generated } from '../match/generate.js';
import type { MatchResult } from '../match/interpret.js';
import type { AddressOut } from '../update/addresses-out.js';
import type { CmdFile } from './tree/cmd-file.js';
import type { KbuildObject, ListedObject } from './tree/kbuild-lists.js';

/** One object that the patch may change. */
export interface PreObject extends KbuildObject {
  /** What it is linked into: "vmlinux" or names of modules. */
  readonly owners: readonly string[];
  /** The patch adds its source; there is nothing in it without the patch. */
  readonly isNew?: boolean;
  readonly made: CmdFile;
  /** Files: as kbuild made it, and with a section for each function and datum. */
  readonly plain: string;
  readonly sectioned: string;
}

export interface CompiledObject extends PreObject {
  /** Files: the sectioned object with each of the updates below, the oldest first. */
  readonly below?: readonly string[];
  /** File: the sectioned object of the patched source. */
  readonly post: string;
}

/** An object that is compiled before and after the patch. */
export interface ChosenObject extends ListedObject {
  /** What the patch has to do with it: "includes net/sctp/structs.h". */
  readonly reason: string;
}

/** An object whose running code changes. */
export interface ChangedObjectFile {
  readonly label: string;
  readonly diff: ObjectDiff;
  /** The object as the distribution compiled it. */
  readonly plain: ElfObject;
  /** Where its symbols are, if updates are below. */
  readonly homes?: Homes | undefined;
}

/** The changed objects of one target, "vmlinux" or a module. */
export interface ChangedTarget {
  readonly target: string;
  readonly objects: readonly ChangedObjectFile[];
}

/** By target and object: of all that the updates below or this one have a part in. */
export type AllHomes = ReadonlyMap<string, ReadonlyMap<string, Homes>>;

/**
 * Whether types were compared. Not if the change is only of statements (`not touched`), or if the
 * compiler cannot describe types (`not possible`).
 */
export type Comparing = 'compared' | 'not touched' | 'not possible';

/** The types that change. */
export interface Layout {
  readonly comparing: Comparing;
  readonly changes: readonly LayoutChange[];
}

export interface TargetCode {
  readonly target: string;
  readonly generated: Generated;
  /** Undefined if there was no image to compare with. */
  readonly match: MatchResult | undefined;
  readonly newCode: NewCode;
  /** What of the new code others may use after undo. */
  readonly addressesOut: readonly AddressOut[];
  /** Text of the new code that tracepoints get. */
  readonly traced: readonly TracedText[];
}

export interface ChangedFunctionReport {
  readonly name: string;
  /** In bytes, before and after. */
  readonly oldSize: number;
  readonly newSize: number;
}

/** An object that the patch might have changed. */
export interface Candidate {
  readonly object: string;
  readonly targets: readonly string[];
  /** What the patch has to do with it. */
  readonly reason: string;
}

export interface Considered extends Candidate {
  /** Whether the compiler read a changed file; the search by names finds too many. */
  readonly isRead: boolean;
}

/** What became of it. */
export interface ConsideredReport extends Candidate {
  readonly outcome: 'changed' | 'same code' | 'not included';
}

export interface ObjectReport {
  readonly target: string;
  readonly object: string;
  readonly changed: readonly ChangedFunctionReport[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly addedData: readonly string[];
}

export interface TargetReport {
  readonly target: string;
  /** Functions and data compared with the running kernel before the switch. */
  readonly spans: number;
  /** Symbols whose run-time address is inferred from the running code. */
  readonly keys: number;
  /** Bytes of new code and data, as an object file. */
  readonly newCodeSize: number;
  /** Symbols that livepatch relocations resolve. */
  readonly livepatchSymbols: number;
}

export interface Report {
  /** The version of ksplice-ts that made it. */
  readonly tool: string;
  readonly release: string;
  /** Ids of the updates below, the oldest first. */
  readonly on: readonly string[];
  readonly objects: readonly ObjectReport[];
  readonly considered: readonly ConsideredReport[];
  readonly targets: readonly TargetReport[];
  /** What the update is proved against; null if there is no image. */
  readonly provedAgainst: string | null;
  /** Build id of that kernel; null if not known. */
  readonly buildId: string | null;
  readonly notes: readonly string[];
  /** Types of data that change. */
  readonly layout: Layout;
  /** What of the new code others may use after undo. */
  readonly addressesOut: readonly AddressOut[];
  /** In milliseconds, by stage. */
  readonly timings: readonly { readonly what: string; readonly ms: number }[];
}

export interface ReportedChanges {
  /** Ids of the updates below. */
  readonly on: readonly string[];
  readonly targets: readonly ChangedTarget[];
  readonly considered: readonly Considered[];
  readonly layout: Layout;
}
