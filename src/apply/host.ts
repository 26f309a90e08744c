// The running host as apply, view and undo see it: files below /sys, /proc and
// /run, and the two commands that load and unload modules. Everything that
// touches the machine goes through here, so that tests can put a simulated
// kernel in its place.

import { constants } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { KspliceError } from '../errors.js';

export interface HostPaths {
  /** "/sys" */
  readonly sysfs: string;
  /** "/proc" */
  readonly proc: string;
  /** "/run/ksplice": what is known about applied updates until the next boot. */
  readonly run: string;
}

/** How a module is loaded (given its file) and unloaded (given its name). */
export interface ModuleCommands {
  insmod(file: string): Promise<void>;
  rmmod(module: string): Promise<void>;
}

export class Host {
  constructor(
    readonly paths: HostPaths = { sysfs: '/sys', proc: '/proc', run: '/run/ksplice' },
    readonly commands: ModuleCommands = kmodCommands,
    readonly release: string = os.release(),
    readonly machine: string = os.machine(),
    readonly uid: number = process.geteuid?.() ?? -1,
  ) {}

  /** A file's text without its last line end; undefined where there is none or no right to it. */
  async read(...parts: readonly string[]): Promise<string | undefined> {
    try {
      return (await readFile(path.join(...parts), 'utf8')).replace(/\n$/, '');
    } catch {
      return undefined;
    }
  }

  /** The names in a directory; none where there is none. */
  async list(directory: string): Promise<string[]> {
    return readdir(directory).catch(() => []);
  }

  /** Whether a module is in the kernel, whatever its state. */
  async isLoaded(module: string): Promise<boolean> {
    return (await this.read(this.paths.sysfs, 'module', module, 'initstate')) !== undefined;
  }

  /** "live", "coming" or "going"; undefined if the module is not loaded. */
  async moduleState(module: string): Promise<string | undefined> {
    return this.read(this.paths.sysfs, 'module', module, 'initstate');
  }

  /**
   * Writes an attribute in sysfs.
   * @returns undefined, or the error's name ("EBUSY") if the kernel refused
   */
  async write(file: string, value: string): Promise<string | undefined> {
    try {
      const handle = await open(file, constants.O_WRONLY);
      try {
        await handle.write(value);
      } finally {
        await handle.close();
      }
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  /**
   * Unloads a module, with some patience: a reader of one of its files, or the
   * last step of a switch, may hold it for a moment.
   * @throws KspliceError `load-failed` if it is still there after about three seconds
   */
  async unload(module: string): Promise<void> {
    let failure: unknown;
    for (let wait = 20; wait < 2_000; wait *= 2) {
      if (!(await this.isLoaded(module))) return;
      try {
        await this.commands.rmmod(module);
        return;
      } catch (error) {
        failure = error;
        await pause(wait);
      }
    }
    if (!(await this.isLoaded(module))) return;
    throw new KspliceError('load-failed', `module ${module} cannot be unloaded`, {
      advice: `\`cat /proc/modules\` tells who uses it. ${failure instanceof Error ? failure.message : ''}`,
      cause: failure,
    });
  }
}

/** Whether a path is there. */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

// root's PATH need not have the directories of administration (su without -).
const environment = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };

async function kmod(command: string, argument: string): Promise<void> {
  // Ctrl-C is for us: a module is loaded or not, and what follows must know which.
  const result = await execa(command, [argument], {
    detached: true,
    reject: false,
    env: environment,
    stdin: 'ignore',
  });
  if (result.code === 'ENOENT') {
    throw new KspliceError('missing-tool', `${command} was not found`, {
      advice: 'Install the package kmod.',
    });
  }
  if (result.failed) {
    const said = result.stderr.trim() || result.shortMessage;
    throw new KspliceError('load-failed', said ?? `${command} failed`);
  }
}

const kmodCommands: ModuleCommands = {
  insmod: (file) => kmod('insmod', file),
  rmmod: (module) => kmod('rmmod', module),
};
