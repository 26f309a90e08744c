// Functions whose addresses are stored somewhere: a callback under another name, a new callback
// that new code stores, a timer that new code has queued.

import type { Kind } from './kind.js';

export const callbackKinds: readonly Kind[] = [];
