// Asking the core for a switch: again and again while the code is in use.

import { setTimeout as pause } from 'node:timers/promises';
import { stopIfInterrupted } from '../base/interruption.js';
import type { Ui } from '../base/ui.js';
import { requirePermission } from '../host/rights.js';
import { refusal } from './abort-error.js';
import type { Engine, SwitchOptions } from './engine.js';

/** An engine that makes one attempt and says with which errno it was refused. */
interface Switchable extends Engine {
  setStage(id: string, stage: 'applied' | 'reversed' | 'try'): Promise<string | undefined>;
}

/** What may be otherwise in a moment. */
const RETRIED = ['code_busy', 'module_busy', 'stop_too_long'];

/** Pauses between two attempts. A task that only passes through is soon gone; one that sleeps is not. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Asks the core for a switch, again and again while the code is in use and time is left.
 * @returns how often it was asked; the new code of an update that is undone may have to stay
 * @throws KspliceError with the abort cause
 */
export async function switchStage(
  id: string,
  core: Switchable,
  stage: 'applied' | 'reversed' | 'try',
  { timeout }: SwitchOptions,
  ui: Ui,
): Promise<number> {
  const deadline = Date.now() + timeout;
  let wait = FIRST_PAUSE_MS;
  for (let attempts = 1; ; attempts++) {
    const errno = await core.setStage(id, stage);
    // An undo may take a second step. What is applied already may get a further part.
    const done = stage === 'reversed' ? (await core.stage(id)) === stage : errno === undefined;
    if (done) return attempts;
    requirePermission(`ask the core for the stage "${stage}" of ${id}`, errno);
    const cause = (await core.abortCause(id)) ?? 'unexpected';
    const word = cause === 'ok' ? 'unexpected' : cause;
    // The old code is back, and that is all that there will be.
    if (word === 'addresses_out') return attempts;
    const retry = RETRIED.includes(word);
    const left = deadline - Date.now();
    if (!retry || left <= 0) {
      throw await refusal(id, core, stage === 'reversed' ? 'undo' : 'apply', word, errno);
    }
    stopIfInterrupted(ui.signal);
    const now = Math.min(wait, left);
    ui.detail(`${word}; trying again in ${now} ms`);
    // An interruption ends the pause; the next check reports it.
    await pause(now, undefined, { signal: ui.signal }).catch(() => {});
    stopIfInterrupted(ui.signal);
    wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
  }
}
