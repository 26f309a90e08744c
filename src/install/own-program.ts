// This program, for those who call it without a user: systemd, and the kernel.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machine } from '../arch/index.js';
import { KspliceError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';
import { exposedFile } from '../base/trust.js';

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

/** What the core calls when a module is loaded that an update awaits. */
export function lateHelper(): string[] {
  return [...toolCommand(), 'late'];
}
