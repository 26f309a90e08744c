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
  const errno = await engine.setAllowBusy(id, names);
  if (errno === undefined) return;
  requirePermission('tell the core which functions may be busy', errno);
  throw new KspliceError('aborted', `the core did not take the list of busy functions: ${errno}`, {
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
  const errno = await engine.setReplaces(id, going);
  if (errno === undefined) return false;
  requirePermission('tell the core which updates give way', errno);
  throw new KspliceError('aborted', `the core cannot take out ${going.join(', ')}: ${errno}`, {
    advice: 'The core may belong to an older ksplice-ts: undo these updates, then apply this one.',
  });
}
