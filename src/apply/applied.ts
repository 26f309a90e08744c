// What is known of an update when a run of apply is over.

import type { EngineView, ReplacedFunction, Timing } from './engine.js';

export interface Applied {
  readonly id: string;
  /** False if the update was applied before, and for a dry run. */
  readonly changed: boolean;
  /** Of the update now; "waiting" if nothing of it is loaded; undefined after a dry run, which leaves nothing. */
  readonly stage: 'applied' | 'waiting' | undefined;
  /** The modules that get their part when they are loaded. */
  readonly waiting: readonly string[];
  readonly functions: readonly ReplacedFunction[];
  readonly allowBusy: readonly string[];
  /** The updates in whose place it came in this run, the last applied first. */
  readonly replaced: readonly string[];
  /** Of the attempt that succeeded. */
  readonly timing: Timing;
  /** Of the last attempts, the latest first. */
  readonly timings: readonly Timing[];
  /** Switches tried, the last one included; 0 if there was nothing to do. */
  readonly attempts: number;
}

/** What is known of an update when a run is over. */
export async function describeApplied(
  id: string,
  engine: EngineView,
  attempts: number,
  changed: boolean,
  replaced: readonly string[] = [],
): Promise<Applied> {
  const [functions = [], allowBusy, timings, waiting] = await Promise.all([
    engine.functions(id),
    engine.allowBusy(id),
    engine.timings(id),
    engine.waiting(id),
  ]);
  const [timing = {}] = timings;
  const stage = (await engine.stage(id)) === 'applied' ? 'applied' : 'waiting';
  const figures = { allowBusy, replaced, timing, timings, attempts };
  return { id, changed, stage, waiting, functions, ...figures };
}
