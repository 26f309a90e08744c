// One at a time: two commands that load, switch and unload at once could each
// take the other's modules for leftovers.

import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from './host.js';
import { LOAD_PREFIX, privateDirectory } from './private-directory.js';
import { Shell } from './shell.js';

/**
 * Runs `work` while no other apply or undo runs on this host. Only in there can
 * modules be loaded and unloaded.
 * @param patience for how long another one may go on, in seconds
 * @throws KspliceError `busy` if another one does
 */
export async function withLock<T>(
  host: Host,
  work: () => Promise<T>,
  patience?: number,
): Promise<T> {
  const shell = await lockedShell(host.paths.run, patience);
  host.shell = shell;
  try {
    await removeLeftFiles(host);
    return await work();
  } finally {
    host.shell = undefined;
    await shell.end();
  }
}

/** What runs that were killed have left; the lock is ours, so nobody uses it. */
async function removeLeftFiles(host: Host): Promise<void> {
  for (const name of await host.list(host.paths.run)) {
    if (!name.startsWith(LOAD_PREFIX)) continue;
    await rm(path.join(host.paths.run, name), { recursive: true, force: true });
  }
}

/**
 * Runs `work` while no other command changes what is installed.
 * @throws KspliceError `busy` if another one does
 */
export async function withInstalledLock<T>(host: Host, work: () => Promise<T>): Promise<T> {
  const shell = await lockedShell(host.paths.installed);
  try {
    return await work();
  } finally {
    await shell.end();
  }
}

async function lockedShell(directory: string, patience?: number): Promise<Shell> {
  await privateDirectory(directory);
  const file = path.join(directory, 'lock');
  // Made here and not by flock, which would follow a link.
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  await (await open(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)).close();
  return await Shell.start(file, patience);
}
