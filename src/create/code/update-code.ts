// Old code and new code of all targets of an update: the stage between the differences and the modules.
// `create` and the corpus run both call it, so that the figures of one are true of the other.

import type { Ui } from '../../base/ui.js';
import type { TableSizes } from '../../elf/tables.js';
import type { Update } from '../../update/update.js';
import type { KernelFacts } from '../tree/kernel-facts.js';
import type { TargetCode } from '../values.js';
import type { Differences } from './differences.js';
import { checkPerCpu } from './per-cpu-reserve.js';
import { SharedSymbols } from './shared-symbols.js';
import { makeTargetCode } from './target-code.js';
import { refuseTracedText } from './traced-text.js';

/** What the new code stands on. */
export interface CodeGround {
  /** With the core's exports. */
  readonly facts: KernelFacts;
  readonly tables: TableSizes;
  /** The updates below, the oldest first. */
  readonly bases: readonly Update[];
  /** For per-cpu variables of all modules, in bytes. */
  readonly perCpuReserve: number;
  /** Directories of source: what the events of tracepoints record is in their headers. */
  readonly trees: readonly string[];
}

export interface UpdateCode {
  /** In the order in which the modules are loaded. */
  readonly code: readonly TargetCode[];
  readonly shared: SharedSymbols;
}

/**
 * Makes the match program and the new code of each target, and proves the old code if there is an image.
 * @param id of the update
 * @throws KspliceError as makeTargetCode(); `refused-change` if targets need each other's new code, if the
 *   new per-cpu variables are too large, or if a trace would keep new text
 */
export async function makeUpdateCode(
  id: string,
  { targets, homes }: Pick<Differences, 'targets' | 'homes'>,
  { facts, tables, bases, perCpuReserve, trees }: CodeGround,
  ui: Ui,
): Promise<UpdateCode> {
  const shared = new SharedSymbols(id, targets);
  const found: TargetCode[] = [];
  for (const target of targets) {
    const company = { bases, homes, shared };
    found.push(await makeTargetCode(id, target, facts, tables, ui, company));
  }
  const code = shared.inOrder(found);
  refuseTracedText(code, trees);
  checkPerCpu(code, perCpuReserve);
  return { code, shared };
}
