// Mounts below a test's folder: taken away when the test is done with them, or by the next
// run of the same test if this one is killed.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Mounts something while `use` runs. `args` are mount's, without the place. */
export async function mounted(
  place: string,
  args: readonly string[],
  use: () => Promise<void>,
): Promise<void> {
  execFileSync('mount', [...args, place]);
  try {
    await use();
  } finally {
    execFileSync('umount', [place]);
  }
}

/** Removes what runs that were killed have left in `parent`: folders NAME-PID-…, and mounts in them. */
export function removeLeftovers(parent: string, name: string): void {
  for (const folder of existsSync(parent) ? readdirSync(parent) : []) {
    const [, pid] = folder.startsWith(`${name}-`) ? (/-(\d+)-\w+$/.exec(folder) ?? []) : [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const place = join(parent, folder);
    // The newest first: one may be below another.
    for (const mount of mountsBelow(place).reverse()) execFileSync('umount', ['--lazy', mount]);
    // In the background: whole source trees are in it.
    spawn('rm', ['-rf', place], { detached: true, stdio: 'ignore' }).unref();
  }
}

function mountsBelow(folder: string): string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return lines
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => mount.startsWith(`${folder}/`));
}
