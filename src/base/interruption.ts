// An interruption by the user, as what a run looks at between two steps.

import { KspliceError } from './errors.js';

/** Throws if the user is gone (Ctrl-C). Who catches it says what is so. */
export function stopIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new KspliceError('interrupted', 'interrupted');
}
