// The systemd unit that has the installed updates applied at boot.

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from '../apply/host.js';
import { packageRoot } from '../create/package-root.js';
import { KspliceError } from '../errors.js';
import { removeDurably, replaceDurably } from './durable.js';
import { toolCommand } from './tool.js';

/** Its name, in templates/ and for systemctl. */
export const UNIT = 'ksplice-ts.service';

/**
 * Writes and enables the unit.
 * @returns false if this host has no systemd
 * @throws KspliceError `io`, `command-failed`
 */
export async function enableUnit(host: Host): Promise<boolean> {
  const template = new URL(`templates/${UNIT}`, packageRoot);
  const command = toolCommand().map(unitWord).join(' ');
  const text = (await readFile(template, 'utf8')).replace('@COMMAND@', () => command);
  const file = path.join(host.paths.units, UNIT);
  if (!(await host.systemctl('--version'))) return false;
  try {
    await mkdir(host.paths.units, { recursive: true });
    if ((await host.read(file)) !== text.replace(/\n$/, '')) {
      await replaceDurably(file, text, 0o644);
    }
  } catch (error) {
    throw new KspliceError('io', `cannot write ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // Also tells a systemd that is running to look at it.
  return await host.systemctl('--quiet', 'enable', UNIT);
}

/** Takes the unit away: nothing is installed any more. */
export async function disableUnit(host: Host): Promise<void> {
  const file = path.join(host.paths.units, UNIT);
  if ((await host.read(file)) === undefined) return;
  await host.systemctl('--quiet', 'disable', UNIT);
  await removeDurably(file);
}

/** A word of a command line in a unit (systemd.service(5), "Command lines"). */
function unitWord(word: string): string {
  return `"${word.replace(/["\\]/g, '\\$&').replace(/[%$]/g, '$&$&')}"`;
}
