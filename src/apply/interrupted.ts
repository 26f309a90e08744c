// A run that was interrupted, by a signal or by its user, says what is so now. How far it got
// tells only the core: between two looks of ours the old code may have come back.

import { KspliceError } from '../base/errors.js';
import { inTheWay } from './abort-error.js';
import { type Conflict, Core, type Stage } from './core.js';
import type { Host } from './host.js';

/** Throws if the user is gone (Ctrl-C). Who catches it says what is so. */
export function stopIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new KspliceError('interrupted', 'interrupted');
}

/** What there is of an update after a run that was cut off. */
interface Remainder {
  readonly id: string;
  readonly stage: Stage | undefined;
  readonly waiting: readonly string[];
  /** Loaded modules of the update. */
  readonly modules: readonly string[];
  /** Tasks that were in the way of the last step. */
  readonly conflicts: readonly Conflict[];
}

/**
 * The error for a run that was interrupted.
 * @param thrown what ended it; where that is a failure of its own it is told as well
 */
export async function afterInterruption(
  id: string,
  host: Host,
  action: 'apply' | 'undo',
  thrown: unknown,
): Promise<KspliceError> {
  const core = new Core(host);
  const [stage, waiting, modules, conflicts] = await Promise.all([
    core.stage(id),
    core.waiting(id),
    core.modulesOf(id),
    core.conflicts(id),
  ]);
  const remainder = { id, stage, waiting, modules, conflicts: conflicts ?? [] };
  const [what, advice] = inWords(remainder, action);
  const isOwn = thrown instanceof KspliceError;
  const during =
    thrown instanceof Error && !(isOwn && thrown.code === 'interrupted') ? thrown : null;
  const message = during ? `${what}. Before that: ${during.message}` : what;
  return new KspliceError('interrupted', `interrupted; ${message}`, {
    advice,
    details: {
      ...remainder,
      stage: stage ?? null,
      during: during && (isOwn ? thrown.code : 'internal'),
    },
    cause: thrown,
  });
}

function inWords(remainder: Remainder, action: 'apply' | 'undo'): [what: string, advice: string] {
  const { id, stage, waiting, modules } = remainder;
  const loaded = modules.join(', ');
  const goOn = `\`ksplice-ts undo ${id}\``;
  if (stage === 'leaving') {
    const where = inTheWay(remainder.conflicts);
    const what = `the old code of ${id} runs again, but a task may be in its new code, which stays loaded`;
    return [`${what}${where}`, `${goOn} goes on from there: it unloads it when nobody is in it.`];
  }
  if (stage === 'reversed') {
    return [
      `the old code of ${id} runs again, but modules of it are still loaded: ${loaded}`,
      `${goOn} unloads them.`,
    ];
  }
  if (stage === 'applied') {
    return action === 'undo'
      ? [`update ${id} stays applied`, `${goOn} takes it back.`]
      : [`update ${id} is applied as it was before`, `${goOn} takes it back.`];
  }
  if (modules.length > 0) {
    return [
      `update ${id} is not applied, but modules of it are still loaded: ${loaded}`,
      `${goOn} unloads them.`,
    ];
  }
  if (waiting.length > 0) {
    return [`update ${id} waits for ${waiting.join(', ')}`, `${goOn} ends that.`];
  }
  const undone = `the old code of ${id} runs, and nothing of it is loaded`;
  return [action === 'undo' ? undone : 'the kernel is as it was', ''];
}
