// What is known about the updates in the running kernel. sysfs says which there
// are and what state they are in; descriptions and patches come from /run/ksplice,
// if there and readable.

import { KspliceError } from '../base/errors.js';
import type { Host } from '../host/host.js';
import { areModulesDisabled } from '../host/rights.js';
import type { Trust } from '../trust/trust.js';
import type { AddressOut } from '../update/addresses-out.js';
import type { Fixes } from '../update/fixes.js';
import type { Conflict, EngineView, ReplacedFunction, Stage, Timing } from './engine.js';
import { engineOf } from './engines.js';
import { readKeptPatch, readState } from './state.js';

/** One line of the list. */
export interface UpdateSummary {
  readonly id: string;
  /** "waiting": none of its modules is loaded yet. */
  readonly stage: Stage | 'waiting';
  /** The modules that get their part when they are loaded. */
  readonly waiting: readonly string[];
  /** The updates that it was made on top of, the oldest first. */
  readonly on: readonly string[];
  readonly description: string | null;
  readonly targets: readonly string[] | null;
  /** What it repairs; null without the right to see it. */
  readonly fixes: Fixes | null;
  readonly created: string | null;
  readonly applied: string | null;
  /** Which was applied first since the core was loaded, second, and so on, from 1; 0 if it is not applied. */
  readonly order: number;
  /** Letters of the taints that its modules brought. */
  readonly taint: string;
  /** null without the right to see them. */
  readonly functions: readonly ReplacedFunction[] | null;
}

export interface UpdateView extends UpdateSummary {
  /** What a stage other than `applied` means, and what to do about it; null for that. */
  readonly note: string | null;
  /** Its modules that are loaded. */
  readonly modules: readonly string[];
  readonly abortCause: string | null;
  /** null without the right to see what others run. */
  readonly conflicts: readonly Conflict[] | null;
  /** null without the right to see them. */
  readonly match: readonly string[] | null;
  readonly allowBusy: readonly string[];
  /** null without the right to see them. */
  readonly allowLayout: readonly string[] | null;
  /** What of its new code others may use after undo; null without the right to see it. */
  readonly addressesOut: readonly AddressOut[] | null;
  /** Who made it, by the rules of this host when it was applied; null without the right to see it. */
  readonly trust: Trust | null;
  /** Of the last attempt. */
  readonly timing: Timing;
  /** Of the last attempts, the latest first. */
  readonly timings: readonly Timing[];
  readonly patch: string | null;
}

/** All updates that the core knows, in the order in which they were applied; those that are not come last. */
export async function listUpdates(host: Host): Promise<UpdateSummary[]> {
  const engine = engineOf(host);
  const summaries = await Promise.all((await engine.ids()).map((id) => summary(id, engine, host)));
  const place = ({ order }: UpdateSummary) => order || Number.POSITIVE_INFINITY;
  return summaries
    .filter((found) => found !== undefined)
    .sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}

/**
 * Everything about one update.
 * @throws KspliceError `not-applied`
 */
export async function viewUpdate(id: string, host: Host): Promise<UpdateView> {
  const engine = engineOf(host);
  const short = await summary(id, engine, host);
  if (!short) {
    throw new KspliceError('not-applied', `there is no update ${id} in this kernel`, {
      advice:
        '`ksplice-ts view` lists the updates in the kernel; `--file` shows an update in a file.',
    });
  }
  const timings = await engine.timings(id);
  const state = await readState(host, id);
  return {
    ...short,
    note: await noteOn(short, host),
    modules: await engine.modulesOf(id),
    abortCause: (await engine.abortCause(id)) ?? null,
    conflicts: (await engine.conflicts(id)) ?? null,
    match: (await engine.mismatches(id)) ?? null,
    allowBusy: await engine.allowBusy(id),
    allowLayout: state?.allowLayout ?? null,
    addressesOut: state?.addressesOut ?? null,
    trust: state?.trust ?? null,
    timing: timings[0] ?? {},
    timings,
    patch: (await readKeptPatch(host, id)) ?? null,
  };
}

async function noteOn({ id, stage }: UpdateSummary, host: Host): Promise<string | null> {
  const undo = `\`ksplice-ts undo ${id}\``;
  const forGood = await areModulesDisabled(host);
  const until = forGood
    ? 'they stay until the next boot, since kernel.modules_disabled is 1'
    : `${undo} unloads them`;
  switch (stage) {
    case 'leaving':
      if (await engineOf(host).keeps(id)) {
        return `the old code runs again; the new code stays loaded until the next boot, because others may have addresses in it: \`ksplice-ts undo ${id} --dangling\` unloads it all the same`;
      }
      return `the old code runs again; the new code stays loaded until no task is in it: ${undo} continues the undo`;
    case 'reversed':
      return `the old code runs again; its modules are still loaded: ${until}`;
    case 'preparing':
      return `it is not applied; its modules were loaded by a run that is at work, or was interrupted: ${until}`;
    default:
      return null;
  }
}

async function summary(
  id: string,
  engine: EngineView,
  host: Host,
): Promise<UpdateSummary | undefined> {
  const waiting = await engine.waiting(id);
  const stage = (await engine.stage(id)) ?? (waiting.length > 0 ? 'waiting' : undefined);
  if (stage === undefined) return undefined;
  const state = await readState(host, id);
  return {
    id,
    stage,
    waiting,
    on: state?.on ?? (await engine.on(id)),
    description: state?.description ?? null,
    targets: state?.targets ?? null,
    fixes: state?.fixes ?? null,
    created: state?.created ?? null,
    applied: state?.applied ?? null,
    order: await engine.order(id),
    taint: await engine.taint(id),
    functions: (await engine.functions(id)) ?? null,
  };
}
