// A module is loaded that installed updates await. As at boot, the update that is
// about to be applied is recorded on the disk: a machine that goes down then
// leaves it alone at its next boot.

import { engineOf } from '../apply/engines.js';
import { moduleComing } from '../apply/module-coming.js';
import type { Ui } from '../base/ui.js';
import { exists, type Host } from '../host/host.js';
import type { Attempt } from './records.js';
import { Store } from './store.js';

/**
 * Applies the awaited parts of updates to a module that is being loaded.
 * @throws KspliceError as `moduleComing`; `io`
 */
export async function applyWhenLoaded(module: string, host: Host, ui: Ui): Promise<void> {
  // Without installed updates nothing is made here.
  const store = (await exists(host.paths.installed)) ? await Store.open(host) : undefined;
  const attempts = store ? await attemptsAt(module, store, host) : [];
  if (!store || attempts.length === 0) return moduleComing(module, host, ui);
  await store.beginLate(attempts);
  try {
    await moduleComing(module, host, ui);
  } finally {
    await store.endLate();
  }
}

async function attemptsAt(module: string, store: Store, host: Host): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  const boot = await host.bootId();
  for (const { id, target } of await engineOf(host).awaited()) {
    if (target !== module || !(await store.has(host, id))) continue;
    attempts.push({ id, bootId: boot, began: new Date().toISOString() });
  }
  return attempts;
}
