// The systemd units: one has the installed updates applied at boot; the other is there while a
// boot is the first with one of them, and says in the end that it went well.

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { KspliceError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';
import type { Host } from '../host/host.js';
import { removeDurably, replaceDurably } from './durable.js';
import { toolCommand } from './own-program.js';

/** Their names, in templates/ and for systemctl. */
const BOOT_UNIT = 'ksplice-ts.service';
const TRIAL_UNIT = 'ksplice-ts-trial.service';

/**
 * Writes the units, and enables the one for the boot.
 * @returns false if this host has no systemd
 * @throws KspliceError `io`, `command-failed`
 */
export async function enableUnits(host: Host): Promise<boolean> {
  if (!(await host.systemctl('--version'))) return false;
  for (const unit of [TRIAL_UNIT, BOOT_UNIT]) await writeUnit(unit, host);
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

/** Takes the units away: nothing is installed any more. Those of the package are only disabled. */
export async function disableUnits(host: Host): Promise<void> {
  const [boot, trial] = [BOOT_UNIT, TRIAL_UNIT].map((unit) => path.join(host.paths.units, unit));
  const isOurs = (await host.read(boot as string)) !== undefined;
  const isPackaged = (await host.read(host.paths.packagedUnits, BOOT_UNIT)) !== undefined;
  if (!isOurs && !isPackaged) return;
  await host.systemctl('--quiet', 'disable', BOOT_UNIT);
  if (isOurs) for (const file of [boot, trial]) await removeDurably(file as string);
}

/**
 * Has it noted in the end, if the machine does not go down before, that this boot went well.
 * @returns false where nobody would do that
 */
export async function startTrial(host: Host): Promise<boolean> {
  return host.systemctl('--quiet', '--no-block', 'start', TRIAL_UNIT).catch(() => false);
}

/** A word of a command line in a unit (systemd.service(5), "Command lines"). */
function unitWord(word: string): string {
  return `"${word.replace(/["\\]/g, '\\$&').replace(/[%$]/g, '$&$&')}"`;
}
