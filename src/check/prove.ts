// Proves an update against a kernel without loading anything: each target's
// match program is interpreted, and each new code's symbols are resolved, as
// the core and the module loader would.

import { KspliceError, type Problem } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { KernelFiles } from '../kernel/kernel-in-files.js';
import type { RunningKernel } from '../kernel/running.js';
import { matchProgram } from '../match/interpret.js';
import type { Program } from '../program/program.js';
import type { TargetChange } from '../update/contents.js';
import { readUpdate } from '../update/read.js';
import { decodedProgramOf, type Update } from '../update/update.js';
import { checkNewCode } from './new-symbols.js';
import { type Difference, describeMismatches, differingNames } from './report.js';

/** What was found to be so for one target. */
export interface TargetProof {
  readonly target: string;
  /** Functions compared, and how many of them the update replaces. */
  readonly functions: number;
  readonly replaced: number;
  /** Compared, code and data. */
  readonly bytes: number;
  /** Symbols, sections and strings whose run-time address was inferred. */
  readonly inferred: number;
  /** Data that could not be compared because nothing tells where it is. */
  readonly unverified: number;
  /** Symbols that the module loader will find, and places in the new code that were compared. */
  readonly resolved: number;
  readonly references: number;
}

export interface Proof {
  readonly id: string;
  readonly release: string;
  /** What the update was proved against. */
  readonly kernel: string;
  readonly targets: readonly TargetProof[];
}

/**
 * Proves an update, given as an archive or directory, against kernel files.
 * @throws KspliceError as proveAgainst, and what reading the update throws
 */
export async function proveUpdate(path: string, files: KernelFiles, ui: Ui): Promise<Proof> {
  const update = await readUpdate(path);
  await files.prepare(update.contents.changes.map(({ target }) => target));
  return proveAgainst(update, files.kernel, ui);
}

/**
 * @throws KspliceError `wrong-kernel` if it is for another release,
 *   `target-not-loaded`, `no-match` with everything that differs,
 *   `bad-program`, `bad-update`
 */
export function proveAgainst(update: Update, kernel: RunningKernel, ui: Ui): Proof {
  const { id, contents } = update;
  refuseWrongKernel(update, kernel);
  const targets: TargetProof[] = [];
  const differences: Difference[] = [];
  for (const change of contents.changes) {
    ui.stage(`matching ${change.target} with ${kernel.origin}`);
    const found = proveTarget(update, change, kernel);
    if ('functions' in found) targets.push(found);
    else differences.push(...found.differences);
  }
  if (differences.length > 0) throw noMatch(update, kernel, differences);
  return { id, release: kernel.release, kernel: kernel.origin, targets };
}

function refuseWrongKernel({ id, kernel: made, contents }: Update, kernel: RunningKernel): void {
  if (made.release !== kernel.release) {
    throw new KspliceError(
      'wrong-kernel',
      `update ${id} is for ${made.release}, ${kernel.origin} is ${kernel.release}`,
      { advice: 'Make an update for that kernel from the same patch.' },
    );
  }
  const missing = contents.changes
    .map(({ target }) => target)
    .filter((target) => !kernel.hasTarget(target));
  if (missing.length === 0) return;
  throw new KspliceError(
    'target-not-loaded',
    `${kernel.origin} does not have the module ${missing.join(', ')}, which the update changes`,
    { advice: `On a running kernel: modprobe ${missing.join(' ')}`, details: { missing } },
  );
}

function proveTarget(
  update: Update,
  change: TargetChange,
  kernel: RunningKernel,
): TargetProof | { differences: Difference[] } {
  const { target, newCode } = change;
  const program = decodedProgramOf(update, change);
  const result = matchProgram(program, target, kernel);
  if (!result.ok) return { differences: describeMismatches(target, result.mismatches) };
  const object = update.modules.get(newCode.module)!.info.object;
  const { symbols, agreeing, faults } = checkNewCode(object, program, result, kernel);
  if (faults.length > 0) {
    return { differences: faults.map((message) => ({ target, message, function: '' })) };
  }
  return {
    target,
    ...sizes(program, result.addresses),
    inferred: result.values.filter((value) => value !== undefined).length,
    unverified: result.unverified,
    resolved: symbols,
    references: agreeing,
  };
}

/** Of what was found and compared. */
function sizes(
  program: Program,
  addresses: readonly (bigint | undefined)[],
): { functions: number; replaced: number; bytes: number } {
  let functions = 0;
  let replaced = 0;
  let bytes = 0;
  program.spans.forEach((span, index) => {
    if (addresses[index] === undefined) return;
    bytes += span.bytes.length;
    if (span.search) functions++;
    if (span.replaced) replaced++;
  });
  return { functions, replaced, bytes };
}

/** More are in the error's details; a wrong kernel differs in hundreds of functions. */
const SHOWN = 25;

function noMatch(
  { id }: Update,
  kernel: RunningKernel,
  differences: readonly Difference[],
): KspliceError {
  const names = differingNames(differences);
  const problems: Problem[] = differences
    .slice(0, SHOWN)
    .map(({ target, message }) => ({ code: 'no-match', message: `${target}: ${message}` }));
  const more = differences.length - problems.length;
  if (more > 0) problems.push({ code: 'no-match', message: `and ${more} more (--json has all)` });
  const what = inWords(names);
  return new KspliceError(
    'no-match',
    `${kernel.origin} is not the kernel for which update ${id} was made: ${what}${single(differences)}`,
    {
      advice:
        'The update must be made from the source, configuration and compiler that built this kernel: run `ksplice-ts configure` for it, and create the update again.',
      details: { problems, differences },
    },
  );
}

function inWords(names: readonly string[]): string {
  if (names.length === 0) return 'symbols differ';
  if (names.length > 6) return `${names.length} functions or data differ`;
  return `${names.join(', ')} ${names.length === 1 ? 'differs' : 'differ'}`;
}

/** One problem alone is not listed by the command line: it belongs in the message. */
function single(differences: readonly Difference[]): string {
  const [first] = differences;
  return first && differences.length === 1 ? ` (${first.target}: ${first.message})` : '';
}
