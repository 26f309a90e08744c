// The running host as apply, view and undo see it: files below /sys, /proc and
// /run, and the two commands that load and unload modules. Everything that
// touches the machine goes through here, so that tests can put a simulated
// kernel in its place.

import { constants } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { KspliceError } from '../base/errors.js';
import { buildIdInNotes } from '../kernel/build-id.js';
import { programEnvironment } from './environment.js';
import { type LogRecord, wholeLog } from './kernel-log.js';
import type { Shell } from './shell.js';

/** A shell's exit status for a program that is not there (POSIX). */
const COMMAND_NOT_FOUND = 127;

export interface HostPaths {
  /** "/sys" */
  readonly sysfs: string;
  /** "/proc" */
  readonly proc: string;
  /** "/run/ksplice": what is known about applied updates until the next boot. */
  readonly run: string;
  /** "/var/lib/ksplice": the updates that are applied at each boot. */
  readonly installed: string;
  /** "/etc/systemd/system" */
  readonly units: string;
  /** "/boot" */
  readonly boot: string;
  /** "/run/reboot-required": there if a package asks for a reboot (Debian's policy of update-notifier). */
  readonly rebootRequired: string;
  /** "/usr/lib/systemd/system": the units of the package. */
  readonly packagedUnits: string;
  /** "/etc/ksplice": who may bring what. */
  readonly trust: string;
}

const PATHS: HostPaths = {
  sysfs: '/sys',
  proc: '/proc',
  run: '/run/ksplice',
  installed: '/var/lib/ksplice',
  units: '/etc/systemd/system',
  boot: '/boot',
  rebootRequired: '/run/reboot-required',
  packagedUnits: '/usr/lib/systemd/system',
  trust: '/etc/ksplice',
};

export class Host {
  constructor(
    readonly paths: HostPaths = PATHS,
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

  /** A file's bytes; undefined as above. */
  async readBytes(...parts: readonly string[]): Promise<Buffer | undefined> {
    return readFile(path.join(...parts)).catch(() => undefined);
  }

  /** Build id of the running kernel, hexadecimal; undefined if it has none. */
  async buildId(): Promise<string | undefined> {
    const notes = await this.readBytes(this.paths.sysfs, 'kernel', 'notes');
    return notes && buildIdInNotes(notes);
  }

  /** Tells one boot of the machine from another. */
  async bootId(): Promise<string> {
    return (await this.read(this.paths.proc, 'sys', 'kernel', 'random', 'boot_id')) ?? '';
  }

  /** The records of the kernel log that are still there; undefined without the right to read them. */
  logRecords(): LogRecord[] | undefined {
    return wholeLog();
  }

  /** The taint flags of the kernel, as a number; undefined where they cannot be read. */
  async tainted(): Promise<number | undefined> {
    const text = await this.read(this.paths.proc, 'sys', 'kernel', 'tainted');
    return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
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
   * Runs systemctl.
   * @returns false if this host has none
   * @throws KspliceError `command-failed` with what it said
   */
  async systemctl(...args: readonly string[]): Promise<boolean> {
    const done = await systemdTool('systemctl', args);
    if (!done.failed) return true;
    if (done.code === 'ENOENT') return false;
    const said = done.stderr?.trim() || done.shortMessage;
    throw new KspliceError('command-failed', `systemctl ${args.join(' ')}: ${said}`, {
      cause: done,
    });
  }

  /** Whether systemd is the first process (sd_booted(3)). */
  async runsSystemd(): Promise<boolean> {
    return exists('/run/systemd/system');
  }

  /**
   * Has systemd run a program, as a unit that is gone when the program has ended.
   * @returns what systemd-run said if it refused
   */
  async systemdRun(words: readonly string[]): Promise<string | undefined> {
    const done = await systemdTool('systemd-run', words);
    return done.failed ? done.stderr?.trim() || done.shortMessage : undefined;
  }

  /** "active", "deactivating", …; "inactive" if there is no such unit. */
  async unitState(unit: string): Promise<string> {
    const words = ['show', '--property=ActiveState', '--value', unit];
    return (await systemdTool('systemctl', words)).stdout?.trim() ?? '';
  }

  /**
   * Runs one of the two commands, for what withLock() hands out (host-lock.ts).
   * @param shell which holds the lock
   * @param argument a file to load, or a module to unload
   * @throws KspliceError `load-failed` with what the command said; `missing-tool`
   */
  async kmod(shell: Shell, command: 'insmod' | 'rmmod', argument: string): Promise<void> {
    const { status, said } = await shell.run(command, argument);
    if (status === COMMAND_NOT_FOUND) {
      throw new KspliceError('missing-tool', `${command} was not found`, {
        advice: 'Install the package kmod.',
      });
    }
    if (status !== 0) {
      throw new KspliceError('load-failed', said || `${command} ended with status ${status}`);
    }
  }
}

function systemdTool(program: string, words: readonly string[]) {
  return execa(program, words, {
    timeout: 60_000,
    env: programEnvironment(),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
  });
}

/** Whether a path is there. */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
