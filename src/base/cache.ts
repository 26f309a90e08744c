// Where things are kept between runs.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** $KSPLICE_CACHE, else ksplice-ts below $XDG_CACHE_HOME or ~/.cache. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.KSPLICE_CACHE) return env.KSPLICE_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ksplice-ts');
}
