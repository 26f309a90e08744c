// An update whose watch has ended well, or in order, is not on trial at its next boot.

import { setTimeout as pause } from 'node:timers/promises';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import type { Host } from '../host/host.js';
import { withInstalledLock } from '../host/host-lock.js';
import type { Watch } from '../host/watched.js';
import { Store } from './store.js';

const PAUSE_MS = 1000;

/**
 * Remembers it, when no other command is at what is installed. On a shutdown this is not waited for.
 * @throws KspliceError `io`
 */
export async function rememberSurvival(
  { id, bootId, began }: Watch,
  host: Host,
  ui: Ui,
): Promise<void> {
  for (;;) {
    try {
      return await withInstalledLock(host, async () =>
        (await Store.open(host)).survived(host, { id, bootId, began }),
      );
    } catch (error) {
      if (!(error instanceof KspliceError) || error.code !== 'busy') throw error;
      if (ui.signal.aborted) return;
      await pause(PAUSE_MS);
    }
  }
}
