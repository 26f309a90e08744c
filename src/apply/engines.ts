// Which engine switches the code of a host: today there is one.

import type { Host } from '../host/host.js';
import { Core } from './core.js';
import type { Engine } from './engine.js';

/** What switches code in the kernel of this host. */
export function engineOf(host: Host): Engine {
  return new Core(host);
}
