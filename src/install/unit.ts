// The systemd unit that has the installed updates applied at boot.

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';
import type { Host } from '../host/host.js';
import { removeDurably, replaceDurably } from './durable.js';
import { toolCommand } from './own-program.js';

/** Its name, in templates/ and for systemctl. */
const BOOT_UNIT = 'ksplice-ts.service';
/** What an earlier version wrote beside it. */
const OLD_UNIT = 'ksplice-ts-trial.service';

/**
 * Writes the unit, and enables it.
 * @returns false if this host has no systemd
 * @throws KspliceError `io`, `command-failed`
 */
export async function enableUnit(host: Host): Promise<boolean> {
  if (!(await host.systemctl('--version'))) return false;
  await writeUnit(BOOT_UNIT, host);
  // Also tells a systemd that is running to look at them.
  return await host.systemctl('--quiet', 'enable', BOOT_UNIT);
}

async function writeUnit(unit: string, host: Host): Promise<void> {
  const template = new URL(`templates/${unit}`, packageRoot);
  const text = unitText(await readFile(template, 'utf8'), toolCommand());
  const file = path.join(host.paths.units, unit);
  try {
    if ((await host.read(host.paths.packagedUnits, unit)) === text.replace(/\n$/, '')) {
      // The package brought it. One of an earlier tool would stand before it.
      if ((await host.read(file)) !== undefined) await removeDurably(file);
      return;
    }
    await mkdir(host.paths.units, { recursive: true });
    if ((await host.read(file)) !== text.replace(/\n$/, '')) {
      await replaceDurably(file, text, 0o644);
    }
  } catch (error) {
    throw new KspliceError('io', `cannot write ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A unit, from its template and the words of the tool's command line. */
export function unitText(template: string, command: readonly string[]): string {
  return template.replace('@COMMAND@', () => command.map(unitWord).join(' '));
}

/** Takes the unit away: nothing is installed any more. That of the package is only disabled. */
export async function disableUnit(host: Host): Promise<void> {
  const isOurs = (await host.read(host.paths.units, BOOT_UNIT)) !== undefined;
  const isPackaged = (await host.read(host.paths.packagedUnits, BOOT_UNIT)) !== undefined;
  if (!isOurs && !isPackaged) return;
  await host.systemctl('--quiet', 'disable', BOOT_UNIT);
  if (!isOurs) return;
  for (const unit of [BOOT_UNIT, OLD_UNIT]) {
    await removeDurably(path.join(host.paths.units, unit));
  }
}

/** A word of a command line in a unit (systemd.service(5), "Command lines"). */
function unitWord(word: string): string {
  return `"${word.replace(/["\\]/g, '\\$&').replace(/[%$]/g, '$&$&')}"`;
}
