// What create makes of one patch whose objects are compiled: its stages from the differences to the new
// code of all targets.

import { KspliceError } from '../../src/base/errors.js';
import type { Ui } from '../../src/base/ui.js';
import { findDifferences } from '../../src/create/code/differences.js';
import {
  type CodeGround,
  makeUpdateCode,
  type UpdateCode,
} from '../../src/create/code/update-code.js';
import type { ObjectTexts } from '../../src/create/objects/object-texts.js';
import type { ChangedTarget, CompiledObject } from '../../src/create/values.js';
import { addressInWords } from '../../src/update/addresses-out.js';
import type { Step } from './compile.js';
import { judgeError, newRow, type Row } from './rows.js';

export interface Judged {
  readonly row: Row;
  /** Of an update. */
  readonly changed: readonly ChangedTarget[];
  readonly made?: UpdateCode;
  /** Of all else. */
  readonly error?: unknown;
}

/** @param id of the update */
export async function judge(
  id: string,
  { patch, result }: Step<CompiledObject[]>,
  ground: CodeGround,
  texts: ObjectTexts,
  ui: Ui,
): Promise<Judged> {
  const row = newRow(patch.path, 'updated');
  let made: UpdateCode | undefined;
  let changed: readonly ChangedTarget[] = [];
  let failure: unknown;
  const began = performance.now();
  try {
    if (result instanceof KspliceError) throw result;
    const sources = (object: CompiledObject) => texts.of(object);
    const types = { comparing: 'compared', allowed: [], sources } as const;
    const differences = findDifferences(result, ground.tables, ui, [], types);
    changed = differences.targets;
    row.targets = changed.map(({ target }) => target);
    row.functions = changed.flatMap(({ objects }) => objects.flatMap(functionsOf));
    made = await makeUpdateCode(id, differences, ground, ui);
    const { code } = made;
    row.addressesOut = code.flatMap(({ addressesOut }) => addressesOut.map(addressInWords));
    row.matched = code.reduce((total, { match }) => total + countMatched(match?.addresses), 0);
  } catch (error) {
    failure = error;
    judgeError(row, error);
  }
  row.ms = Math.round(performance.now() - began);
  return { row, changed, error: failure, ...(made && { made }) };
}

function functionsOf({ diff }: ChangedTarget['objects'][number]): string[] {
  return [...new Set([...diff.replaced.map(({ name }) => name), ...diff.functions.added])];
}

function countMatched(addresses: readonly (bigint | undefined)[] = []): number {
  return addresses.filter((address) => address !== undefined).length;
}
