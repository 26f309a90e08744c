// One run of create: its directory, what it has to undo, and its work in the
// background; all of it ends here, however the run ends.

import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../base/cache.js';
import { explainIo, KspliceError } from '../../base/errors.js';
import { lockOpened } from '../../base/flock.js';
import { requireOwnDirectory } from '../../base/trust.js';
import type { Ui } from '../../base/ui.js';
import { RunDirectory } from './directory.js';
import { UndoStack } from './undo-stack.js';

/** Directories of failed runs that are kept; older ones go. */
const KEPT_RUNS = 5;

export interface Run {
  readonly directory: RunDirectory;
  readonly undo: UndoStack;
  /** As the user's, but its signal also tells that the run has failed. */
  readonly ui: Ui;
  /** Starts something whose result is needed later; it is stopped if the run fails before. */
  background<T>(work: Promise<T>): Promise<T>;
}

// No intermediate file explains these.
const NOTHING_TO_SEE = new Set([
  'no-changes',
  'interrupted',
  'usage',
  'patch-failed',
  'busy',
  'io',
]);

/**
 * Runs `work`, then takes back all that it left.
 * @param keep keep the run's directory even if all goes well
 */
export async function inRun<T>(ui: Ui, keep: boolean, work: (run: Run) => Promise<T>): Promise<T> {
  requireOwnDirectory(cacheDirectory());
  const parent = join(cacheDirectory(), 'runs');
  const directory = new RunDirectory(parent);
  const undo = new UndoStack();
  const stop = new AbortController();
  const pending: Promise<unknown>[] = [];
  let keepDirectory = keep;
  let release: (() => void) | undefined;
  try {
    // For those who clear up: somebody is at work in it.
    release = await lockOpened(directory.path, 'r', 0, ui.signal);
    return await work({
      directory,
      undo,
      ui: withSignal(ui, AbortSignal.any([ui.signal, stop.signal])),
      background: (started) => {
        // Its failure is reported when the result is asked for, or not at all.
        pending.push(started.catch(() => {}));
        return started;
      },
    });
  } catch (thrown) {
    const error = explainIo(thrown);
    keepDirectory ||= !(error instanceof KspliceError && NOTHING_TO_SEE.has(error.code));
    throw error;
  } finally {
    stop.abort();
    await Promise.all(pending);
    for (const what of undo.unwind()) ui.warn(`could not put back ${what}`);
    if (keepDirectory && existsSync(join(directory.path, '2-post'))) {
      ui.info(`the files of each stage are in ${directory.path}`);
      await removeOld(parent);
    } else directory.remove();
    release?.();
  }
}

function withSignal(ui: Ui, signal: AbortSignal): Ui {
  return {
    stage: (text) => ui.stage(text),
    progress: (done, total, what) => ui.progress(done, total, what),
    info: (text) => ui.info(text),
    warn: (text) => ui.warn(text),
    detail: (text) => ui.detail(text),
    signal,
  };
}

/** The directories of runs that have ended, but for the last ones. */
async function removeOld(parent: string): Promise<void> {
  const runs = readdirSync(parent).map((name) => {
    const path = join(parent, name);
    return { path, time: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
  });
  runs.sort((a, b) => b.time - a.time);
  for (const { path } of runs.slice(KEPT_RUNS)) {
    // Another one may have removed it meanwhile.
    const release = await lockOpened(path, 'r', 0).catch(() => undefined);
    if (release) rmSync(path, { recursive: true, force: true });
    release?.();
  }
}
