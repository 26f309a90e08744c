// debug/report.json: what an update changes and how it was made, for people and
// for scripts. docs/design.md names its parts; the type Report has them all.

import { version } from '../../base/version.js';
import { buildIdOf } from '../../kernel/build-id.js';
import type { RunDirectory } from '../invocation/directory.js';
import type { KernelFacts } from '../tree/kernel-facts.js';
import type { Report, ReportedChanges, TargetCode } from '../values.js';

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
    tool: version(),
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
