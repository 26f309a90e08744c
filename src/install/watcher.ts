// The watcher: a process of its own that sees whether updates hurt, and takes them back then. There is
// one on a host. It may be killed and started again at any moment; the records have all that it has to know.

import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { isInForce } from '../apply/in-force.js';
import { interrupted } from '../base/tool.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { allWatches, isAlive, type Keeper, readWatch, type Watch } from '../host/watched.js';
import { withdrawn } from '../host/withdrawn.js';
import { ailment } from './ailment.js';
import { WATCH_UNIT } from './start-watch.js';
import { rememberSurvival } from './survived.js';
import { takeBack } from './take-back.js';
import { becomeWatcher, endWatch, type Verdict, writeWatch } from './watch-files.js';

const TICK_MS = 1000;

/**
 * Watches all updates of which there is a record, to their ends. Does nothing if another one does.
 * @throws KspliceError `interrupted`: the next watcher goes on. `io`
 */
export async function watchUpdates(keeper: Keeper, host: Host, ui: Ui): Promise<void> {
  const release = await becomeWatcher(host);
  if (!release) return;
  const watches = new Map<string, Promise<void>>();
  try {
    for (;;) {
      for (const watch of await allWatches(host)) {
        const { id } = watch;
        if (watches.has(id)) continue;
        const end = watchOne({ ...watch, keeper }, host, ui)
          .catch((error: Error) => {
            if (ui.signal.aborted) throw error;
            // Its record is there, so it is watched again from the next look on.
            ui.warn(`update ${id}: ${error.message}`);
          })
          .finally(() => watches.delete(id));
        watches.set(id, end);
      }
      if (watches.size === 0) return;
      await Promise.race([pause(TICK_MS), ...watches.values()]);
    }
  } finally {
    // Each looks at the signal; none is left in the middle of an undo.
    await Promise.allSettled(watches.values());
    release();
  }
}

async function watchOne(watch: Watch, host: Host, ui: Ui): Promise<void> {
  const { id } = watch;
  await writeWatch(host, watch);
  const earlier = await withdrawn(host, id);
  // A watcher was killed while it took the update back.
  const verdict = earlier
    ? await takeBack(watch, earlier.reason, host, ui)
    : await watchToTheEnd(watch, host, ui);
  if (verdict === undefined) return;
  if (verdict.outcome === 'good' || verdict.outcome === 'ended') {
    await rememberSurvival(watch, host, ui);
  }
  if (verdict.outcome !== 'good') ui.warn(`update ${id}: ${verdict.message}`);
  await endWatch(host, id, verdict);
}

/** undefined if somebody else has ended the watch, or begun another one. */
async function watchToTheEnd(begun: Watch, host: Host, ui: Ui): Promise<Verdict | undefined> {
  let watch = begun;
  for (let tick = 0; ; tick++) {
    if (ui.signal.aborted) return stopped(watch, host);
    if ((await readWatch(host, watch.id))?.began !== watch.began) return undefined;
    if (await isInForce(watch.id, host)) {
      if (watch.until === 0) {
        watch = { ...watch, until: Math.ceil(os.uptime()) + watch.seconds };
        await writeWatch(host, watch);
      }
      const reason = await ailment(watch, tick, host);
      if (ui.signal.aborted) continue;
      if (reason !== undefined) return takeBack(watch, reason, host, ui);
      if (os.uptime() >= watch.until) {
        return { outcome: 'good', message: `nothing was wrong in ${watch.seconds} s` };
      }
    } else if (watch.until > 0 || !(await isAlive(host, watch.applying))) {
      return { outcome: 'gone', message: `${watch.id} is not applied` };
    }
    await pause(TICK_MS);
  }
}

/** On a signal: systemd stops the unit on a shutdown, or because somebody wants that. Others kill. */
async function stopped(watch: Watch, host: Host): Promise<Verdict> {
  if (watch.keeper === 'systemd' && (await host.unitState(WATCH_UNIT)) === 'deactivating') {
    return { outcome: 'ended', message: 'the watch was stopped' };
  }
  throw interrupted();
}
