// Waiting for the end of a watch.

import { setTimeout as pause } from 'node:timers/promises';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { readWatch } from '../host/watched.js';
import { ensureWatcher } from './start-watch.js';
import { hasWatcher, readVerdict, type Verdict } from './watch-files.js';

const LOOK_MS = 500;
/** How many looks pass until it is asked again whether anybody watches. */
const LOOKS_TO_ASK = 10;
/** So often in a row nobody does; a watcher that was killed needs some seconds to come again. */
const TIMES_ALONE = 3;

/**
 * Waits for the verdict. If nobody watches any more, a watcher is started.
 * @throws KspliceError `interrupted`: the watch goes on without us. `command-failed`: it does not
 */
export async function awaitVerdict(id: string, host: Host, ui: Ui): Promise<Verdict> {
  let alone = 0;
  for (let look = 1; ; look++) {
    const isOver = (await readWatch(host, id)) === undefined;
    const verdict = await readVerdict(host, id);
    if (verdict) return verdict;
    if (isOver) return { outcome: 'ended', message: 'the watch was ended' };
    if (ui.signal.aborted) {
      throw new KspliceError('interrupted', `${id} is applied, and its watch goes on`, {
        advice: '`ksplice-ts status` tells what comes of it.',
      });
    }
    if (look % LOOKS_TO_ASK === 0) {
      alone = (await hasWatcher(host)) ? 0 : alone + 1;
      if (alone >= TIMES_ALONE) await ensureWatcher(id, host);
    }
    await pause(LOOK_MS);
  }
}
