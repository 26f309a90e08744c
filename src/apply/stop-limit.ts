// How long a switch may stop the machine: the core keeps to it, for only the core can.

import { KspliceError } from '../base/errors.js';
import { requirePermission } from '../host/rights.js';
import type { Engine } from './engine.js';

/**
 * Tells the core the limit of this host.
 * @param maxStopMs milliseconds; undefined for none
 * @throws KspliceError `aborted`, `not-permitted`
 */
export async function limitStop(
  id: string,
  engine: Engine,
  maxStopMs: number | undefined,
): Promise<void> {
  if (maxStopMs === undefined) return;
  const errno = await engine.setMaxStop(id, Math.max(1, Math.round(maxStopMs * 1e6)));
  if (errno === undefined) return;
  requirePermission('tell the core for how long it may stop the machine', errno);
  throw new KspliceError(
    'aborted',
    `the core takes no limit for the stop of the machine: ${errno}`,
    {
      advice:
        'The core that is loaded belongs to an older ksplice-ts. Undo all updates, which unloads it, and apply them again; or take "max-stop-ms" out of /etc/ksplice/policy.json.',
    },
  );
}
