// Updates that give way to another one: the core reverses them in the stop in which it applies
// that one. Here is which they are, and how they come to their end afterwards.

import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import type { ModuleLoader } from '../host/host-lock.js';
import type { Update } from '../update/update.js';
import type { Engine, SwitchOptions } from './engine.js';
import { engineOf } from './engines.js';
import { undoLocked } from './undo-update.js';

/** Updates that are to go, those that were applied last first. */
export interface Going {
  /** The core puts their functions back in the stop. */
  readonly applied: readonly string[];
  /** Nothing of them is loaded yet: they only wait for their modules. */
  readonly waiting: readonly string[];
}

export const NOBODY: Going = { applied: [], waiting: [] };

/**
 * The updates of this kernel that an update takes the place of: those that it supersedes, or if it
 * names none, all but those that it was made on top of.
 */
export async function chooseGoing(update: Update, engine: Engine): Promise<Going> {
  const { id, contents, supersedes } = update;
  const goes = (other: string) =>
    other !== id &&
    !contents.on.includes(other) &&
    (supersedes.length === 0 || supersedes.includes(other));
  const all = new Map<string, number>();
  for (const other of (await engine.ids()).filter(goes)) {
    if ((await engine.stage(other)) === 'applied') all.set(other, await engine.order(other));
  }
  const waiting = (await engine.awaited()).map((one) => one.id);
  return {
    applied: [...all.keys()].sort((a, b) => all.get(b)! - all.get(a)!),
    waiting: [...new Set(waiting)].filter((other) => goes(other) && !all.has(other)),
  };
}

/** Unloads what had to give way. The update is applied: nothing of this fails the whole. */
export async function endGoing(
  { applied, waiting }: Going,
  host: Host,
  modules: ModuleLoader,
  options: SwitchOptions,
  ui: Ui,
): Promise<void> {
  for (const id of [...waiting, ...applied]) {
    try {
      const { because, stayLoaded } = await undoLocked(id, host, modules, options, ui);
      if (because !== null) ui.warn(`${id} is undone, and stays loaded: ${stayLoaded.join(', ')}`);
    } catch (error) {
      const stage = await engineOf(host).stage(id);
      const now =
        stage === 'applied' ? `${id} is applied as before` : `the old code of ${id} is back`;
      ui.warn(`${now}, but ${(error as Error).message}; \`ksplice-ts undo ${id}\` goes on`);
    }
  }
}
