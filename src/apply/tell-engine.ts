// What the engine is told of an update before it switches.

import { KspliceError } from '../base/errors.js';
import { requirePermission } from '../host/rights.js';
import type { Engine } from './engine.js';

/** Names the functions that may be busy. */
export async function allowToBeBusy(
  id: string,
  engine: Engine,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  requireTaken(await engine.setAllowBusy(id, names), {
    what: 'tell the core which functions may be busy',
    otherwise: 'the core did not take the list of busy functions',
    advice: 'Please report this: the list was checked before.',
  });
}

/**
 * Names the applied updates that give way.
 * @returns whether none does, and so what was found out about the old code stays true
 */
export async function haveGiveWay(
  id: string,
  engine: Engine,
  going: readonly string[],
): Promise<boolean> {
  if (going.length === 0) return true;
  requireTaken(await engine.setReplaces(id, going), {
    what: 'tell the core which updates give way',
    otherwise: `the core cannot take out ${going.join(', ')}`,
    advice: 'The core may belong to an older ksplice-ts: undo these updates, then apply this one.',
  });
  return false;
}

/**
 * Tells the limit of this host for the stop of the machine: the core keeps to it, for only the core can.
 * @param maxStopMs milliseconds; undefined for none
 */
export async function limitStop(
  id: string,
  engine: Engine,
  maxStopMs: number | undefined,
): Promise<void> {
  if (maxStopMs === undefined) return;
  requireTaken(await engine.setMaxStop(id, Math.max(1, Math.round(maxStopMs * 1e6))), {
    what: 'tell the core for how long it may stop the machine',
    otherwise: 'the core takes no limit for the stop of the machine',
    advice:
      'The core that is loaded belongs to an older ksplice-ts. Undo all updates, which unloads it, and apply them again; or take "max-stop-ms" out of /etc/ksplice/policy.json.',
  });
}

interface Told {
  readonly what: string;
  /** What is wrong if it was refused for another reason than a missing right. */
  readonly otherwise: string;
  readonly advice: string;
}

/** @throws KspliceError `aborted`, and as requirePermission() */
function requireTaken(errno: string | undefined, { what, otherwise, advice }: Told): void {
  if (errno === undefined) return;
  requirePermission(what, errno);
  throw new KspliceError('aborted', `${otherwise}: ${errno}`, { advice });
}
