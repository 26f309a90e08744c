// A switch that the core refused, as an error to show.

import { type Details, KspliceError } from '../base/errors.js';
import { type AbortCause, abortCause, UNCHANGED } from './abort-causes.js';
import type { Conflict, EngineView } from './engine.js';

/**
 * The error for an update that the core did not apply or take back: the abort
 * cause in words, and in `details` the tasks and places that the core names.
 * @param word what `abort_cause` says
 * @param errno the name of the error with which the write to `stage` ended
 */
export async function refusal(
  id: string,
  engine: EngineView,
  action: 'apply' | 'undo',
  word: string,
  errno?: string,
): Promise<KspliceError> {
  const { code, sentence, advice: usual } = abortCause(word);
  const [stage, tasks, places, timings] = await Promise.all([
    engine.stage(id),
    engine.conflicts(id),
    engine.mismatches(id),
    engine.timings(id),
  ]);
  const [conflicts, match] = [tasks ?? [], places ?? []];
  const advice = (word === 'no_match' && adviceOn(match)) || usual;
  const probes = word === 'probed' ? await engine.probes(id) : [];
  const probed = probes.map((place) => `a probe at ${place}`);
  const list = listed([...conflicts.map(conflictInWords), ...match.map(inWords), ...probed]);
  const details = { id, stage, abortCause: word, errno: errno ?? null, conflicts, match, timings };
  if (stage === 'leaving') return stillLoaded(id, abortCause(word), list, details);
  if (action === 'undo' && word === 'code_busy') {
    const what = `update ${id} cannot be undone: a task is running its new code, or sleeps in it`;
    return new KspliceError(code, `${what}${list}`, { advice: NEW_CODE_BUSY, details });
  }
  const verb = action === 'apply' ? 'applied' : 'undone';
  const why = word === 'code_busy' && !list ? NOT_SWITCHED_OUT : sentence;
  const message = `update ${id} cannot be ${verb}: ${why}${list}`;
  return new KspliceError(code, message, { advice, details });
}

/** The first step of the undo is made: whatever is in the way now, the old code is back. */
function stillLoaded(
  id: string,
  { word, code, sentence, advice }: AbortCause,
  list: string,
  details: Details,
): KspliceError {
  const back = `the old code of ${id} runs again, but`;
  const goOn = `\`ksplice-ts undo ${id}\``;
  if (word === 'code_busy') {
    const what = list
      ? `${back} a task is still in the new code, which stays loaded for it`
      : `${back} the new code stays loaded: not every task has been switched out yet, and one of them may still enter it`;
    return new KspliceError(code, `${what}${list}`, {
      advice: `${goOn} unloads it when the tasks have left; --timeout says how long it waits for them.`,
      details,
    });
  }
  const what = `${back} the new code stays loaded, since ${sentence}`;
  const first = advice.replace(UNCHANGED, '');
  return new KspliceError(code, `${what}${list}`, {
    advice: `${first} Then ${goOn} unloads it.`,
    details,
  });
}

/** The tasks that were in the way, to follow a sentence. */
export function inTheWay(conflicts: readonly Conflict[]): string {
  return listed(conflicts.map(conflictInWords));
}

function conflictInWords({ pid, task, function: name }: Conflict): string {
  if (name !== 'unreliable') return `${task} (${pid}) in ${name}`;
  if (pid !== 0) return `the stack of ${task} (${pid}) cannot be walked`;
  // What has no process: the core's own word, and the task of a CPU that is offline.
  const [, cpu] = /^swapper\/(\d+)$/.exec(task) ?? [];
  return cpu === undefined ? 'a task that exits, and is in no list' : `CPU ${cpu}`;
}

function listed(places: readonly string[]): string {
  const all = [...new Set(places)];
  const first = all.slice(0, 3);
  const more = all.length - first.length;
  return first.length > 0 ? `: ${first.join('; ')}${more > 0 ? `; ${more} more` : ''}` : '';
}

/** Nobody is in the way whom the core can see: see kmodsrc/grace.c. */
const NOT_SWITCHED_OUT =
  'the core was loaded just now, and not every task has been switched out since then; one that exits may be in the old code';

const NEW_CODE_BUSY =
  'The update stays applied. The tasks are listed: try again with a longer --timeout, or when they have ended.';

/** Lines about other updates are no places: `TARGET update ID+0x0 expected applied found missing`. */
function inWords(line: string): string {
  const [, id] = /^\S+ update (\w+)\+0x0 expected /.exec(line) ?? [];
  return id === undefined ? line : `update ${id}`;
}

/** What another update has replaced is no wrong kernel. */
function adviceOn(match: readonly string[]): string | undefined {
  const [, by] = /replaced-by-(\w+)$/m.exec(match.join('\n')) ?? [];
  return (
    by &&
    `Update ${by} has replaced it, and this update was made without that one. Make this update on top of it: ksplice-ts create --on ksplice-${by}.tar.gz. Or if it has that fix as well, let it take the place of ${by}: ksplice-ts apply --replace.`
  );
}
