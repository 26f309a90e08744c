// This program, for those who call it without a user: systemd, and the kernel.

import { existsSync } from 'node:fs';
import { readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine } from '../arch/index.js';
import { KspliceError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';
import { exposedFile } from '../base/trust.js';
import type { Host } from '../host/host.js';

/** The words of its command line, with absolute paths. */
export function toolCommand(): string[] {
  return [process.execPath, fileURLToPath(new URL('bin/ksplice-ts.js', packageRoot))];
}

/** What of the package runs, besides Node. */
const CODE = [
  'bin',
  'dist',
  'templates',
  ...machine.packages.map((name) => `node_modules/${name}`),
];

/**
 * Makes sure that only root can change the program that the kernel or systemd will run as root, at any time from
 * now on.
 * @throws KspliceError `writable-by-others`
 */
export function requireOwnTool(): void {
  const inPackage = (name: string) => fileURLToPath(new URL(name, packageRoot));
  const directories = CODE.map(inPackage).filter((place) => existsSync(place));
  const exposed = exposedFile([process.execPath, inPackage('package.json')], directories);
  if (exposed === undefined) return;
  const { file, why } = exposed;
  throw new KspliceError(
    'writable-by-others',
    `the kernel and systemd would run ksplice-ts as root, but ${file} ${why}`,
    {
      advice: `Copy it to a place that only root can write to, and call it there: cp -r ${fileURLToPath(packageRoot)} /opt/ksplice-ts; node itself has to be such a file, too.`,
    },
  );
}

/** The first namespace of processes: its number is PROC_PID_INIT_INO in the kernel. */
const FIRST_PROCESSES = 'pid:[4026531836]';

/**
 * Makes sure that the kernel finds this very program. It starts programs as the first process would: with
 * the root directory and the mounts of that, and not with those of a container or a chroot.
 * @throws KspliceError `writable-by-others`
 */
export async function requireSeenByKernel(
  { paths: { proc } }: Host,
  files: readonly string[] = toolCommand(),
): Promise<void> {
  const ours = (await isFirstNamespace(proc)) ? undefined : files[0];
  const hidden = ours ?? (await firstHidden(proc, files));
  if (hidden === undefined) return;
  throw new KspliceError(
    'writable-by-others',
    `the kernel would run ksplice-ts as root, but ${hidden} is not the same file outside of this container, chroot or mount namespace`,
    { advice: 'Run it on the host, from a copy that is not below a mount of your own.' },
  );
}

async function isFirstNamespace(proc: string): Promise<boolean> {
  const pids = await readlink(path.join(proc, 'self', 'ns', 'pid')).catch(() => FIRST_PROCESSES);
  return pids === FIRST_PROCESSES;
}

async function firstHidden(proc: string, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const [here, there] = await Promise.all([
      stat(file),
      stat(path.join(proc, '1', 'root', file)).catch(() => undefined),
    ]);
    if (here.dev !== there?.dev || here.ino !== there.ino) return file;
  }
  return undefined;
}

/** What the core calls when a module is loaded that an update awaits. */
export function lateHelper(): string[] {
  return [...toolCommand(), 'late'];
}
