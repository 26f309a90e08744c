// A run that was interrupted, by a signal or by its user, reports the present state. Only the
// core knows how far the run got: between two of our reads of the stage, the old code may
// have been restored.

import { KspliceError } from '../base/errors.js';
import type { Host } from '../host/host.js';
import { inTheWay } from './abort-error.js';
import type { Conflict, Stage } from './engine.js';
import { engineOf } from './engines.js';

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
  const engine = engineOf(host);
  const [stage, waiting, modules, conflicts] = await Promise.all([
    engine.stage(id),
    engine.waiting(id),
    engine.modulesOf(id),
    engine.conflicts(id),
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
    return [`${what}${where}`, `${goOn} continues: it unloads the new code when no task is in it.`];
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
  return [action === 'undo' ? undone : 'the kernel is unchanged', ''];
}
