// What create makes of one patch whose objects are compiled: the same calls in
// the same order as in src/create/pipeline.ts, up to the modules.

import { KspliceError } from '../../src/base/errors.js';
import type { Ui } from '../../src/base/ui.js';
import { findDifferences } from '../../src/create/code/differences.js';
import { makeTargetCode } from '../../src/create/code/target-code.js';
import type { KernelFacts } from '../../src/create/tree/kernel-facts.js';
import type { ChangedTarget, CompiledObject, TargetCode } from '../../src/create/values.js';
import type { TableSizes } from '../../src/elf/tables.js';
import { addressInWords } from '../../src/update/addresses-out.js';
import type { Step } from './compile.js';
import { judgeError, newRow, type Row } from './rows.js';

export interface Judged {
  readonly row: Row;
  /** Of an update. */
  readonly changed: readonly ChangedTarget[];
  readonly code: readonly TargetCode[];
}

export async function judge(
  { patch, result }: Step<CompiledObject[]>,
  facts: KernelFacts,
  tables: TableSizes,
  ui: Ui,
): Promise<Judged> {
  const row = newRow(patch.path, 'updated');
  const code: TargetCode[] = [];
  let changed: readonly ChangedTarget[] = [];
  const began = performance.now();
  try {
    if (result instanceof KspliceError) throw result;
    const types = { comparing: 'compared', allowed: [] } as const;
    changed = findDifferences(result, tables, ui, [], types).targets;
    row.targets = changed.map(({ target }) => target);
    row.functions = changed.flatMap(({ objects }) => objects.flatMap(functionsOf));
    for (const target of changed)
      code.push(await makeTargetCode('corpus', target, facts, tables, ui));
    row.addressesOut = code.flatMap(({ addressesOut }) => addressesOut.map(addressInWords));
    row.matched = code.reduce((total, { match }) => total + countMatched(match?.addresses), 0);
  } catch (error) {
    judgeError(row, error);
  }
  row.ms = Math.round(performance.now() - began);
  return { row, changed, code };
}

function functionsOf({ diff }: ChangedTarget['objects'][number]): string[] {
  return [...new Set([...diff.replaced.map(({ name }) => name), ...diff.functions.added])];
}

function countMatched(addresses: readonly (bigint | undefined)[] = []): number {
  return addresses.filter((address) => address !== undefined).length;
}
