// debug/report.json: what an update changes and how it was made, for people and
// for scripts. Its shape is documented in docs/design.md.

import { buildIdOf } from '../../kernel/build-id.js';
import type { AddressOut } from '../../update/addresses-out.js';
import type { ChangedTarget, Layout } from '../code/differences.js';
import type { TargetCode } from '../code/target-code.js';
import type { RunDirectory } from '../invocation/directory.js';
import type { KernelFacts } from '../tree/kernel-facts.js';

export interface ChangedFunctionReport {
  readonly name: string;
  /** In bytes, before and after. */
  readonly oldSize: number;
  readonly newSize: number;
}

/** An object that the patch might have changed. */
interface Candidate {
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

/** Puts the report together. */
export function makeReport(
  release: string,
  { on, targets: changed, considered, layout }: ReportedChanges,
  code: readonly TargetCode[],
  notes: readonly string[],
  facts: KernelFacts,
  run: Pick<RunDirectory, 'timings'>,
): Report {
  const changedObjects = new Set(changed.flatMap(({ objects }) => objects.map((o) => o.label)));
  return {
    release,
    on,
    considered: considered.map(({ isRead, ...candidate }) => ({
      ...candidate,
      outcome: changedObjects.has(candidate.object)
        ? 'changed'
        : isRead
          ? 'same code'
          : 'not included',
    })),
    objects: changed.flatMap(({ target, objects }) =>
      objects.map(({ label, diff }) => ({
        target,
        object: label,
        changed: diff.replaced.map(({ name, pre, post }) => ({
          name,
          oldSize: pre.size,
          newSize: post.size,
        })),
        added: diff.functions.added,
        removed: diff.functions.removed,
        addedData: diff.data.added,
      })),
    ),
    targets: code.map(({ target, generated, newCode }) => ({
      target,
      spans: generated.program.spans.length,
      keys: generated.program.keys.length,
      newCodeSize: newCode.object.length,
      livepatchSymbols: newCode.bindings.length,
    })),
    provedAgainst: facts.image?.kernel.origin ?? null,
    buildId: (facts.image && buildIdOf(facts.image.kernel)) ?? null,
    notes,
    layout,
    addressesOut: code.flatMap(({ addressesOut }) => addressesOut),
    timings: run.timings,
  };
}

/** "1 object", "2 objects". */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
