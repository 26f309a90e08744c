import type { Host } from '../host/host.js';
import { engineOf } from './engines.js';

/** Whether an update is applied, or waits for modules: none of the old code can run any more. */
export async function isInForce(id: string, host: Host): Promise<boolean> {
  const engine = engineOf(host);
  return (await engine.stage(id)) === 'applied' || (await engine.waiting(id)).length > 0;
}
