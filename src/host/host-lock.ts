// One at a time: two commands that load, switch and unload at once could each
// take the other's modules for leftovers.

import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KspliceError } from '../base/errors.js';
import type { Host } from './host.js';
import { LOAD_PREFIX, privateDirectory } from './private-directory.js';
import { Shell } from './shell.js';

/**
 * Loads and unloads modules, as long as the lock is held. Only withLock() makes one: who has it
 * knows that no other command of ours is at work.
 */
class ModuleLoader {
  constructor(
    private readonly host: Host,
    private readonly shell: Shell,
  ) {}

  /**
   * Loads a module from a file.
   * @throws KspliceError `load-failed` with what insmod said
   */
  async load(file: string): Promise<void> {
    await this.host.kmod(this.shell, 'insmod', file);
  }

  /**
   * Unloads a module, with some patience: a reader of one of its files, or the
   * last step of a switch, may hold it for a moment.
   * @throws KspliceError `load-failed` if it is still there after about three seconds
   */
  async unload(module: string): Promise<void> {
    let failure: unknown;
    for (let wait = 20; wait < 2_000; wait *= 2) {
      if (!(await this.host.isLoaded(module))) return;
      try {
        await this.host.kmod(this.shell, 'rmmod', module);
        return;
      } catch (error) {
        failure = error;
        await pause(wait);
      }
    }
    if (!(await this.host.isLoaded(module))) return;
    throw new KspliceError('load-failed', `module ${module} cannot be unloaded`, {
      advice: `\`cat /proc/modules\` shows who uses it. ${failure instanceof Error ? failure.message : ''}`,
      cause: failure,
    });
  }
}

export type { ModuleLoader };

/**
 * Runs `work` while no other apply or undo runs on this host. It gets what loads and unloads
 * modules.
 * @param patience for how long another one may go on, in seconds
 * @throws KspliceError `busy` if another one does
 */
export async function withLock<T>(
  host: Host,
  work: (modules: ModuleLoader) => Promise<T>,
  patience?: number,
): Promise<T> {
  const shell = await lockedShell(host.paths.run, patience);
  try {
    await removeLeftFiles(host);
    return await work(new ModuleLoader(host, shell));
  } finally {
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
