// This program, for those who call it without a user: systemd, and the kernel.

import { fileURLToPath } from 'node:url';
import { packageRoot } from '../create/package-root.js';

/** The words of its command line, with absolute paths. */
export function toolCommand(): string[] {
  return [process.execPath, fileURLToPath(new URL('bin/ksplice-ts.js', packageRoot))];
}

/** What the core calls when a module is loaded that an update awaits. */
export function lateHelper(): string[] {
  return [...toolCommand(), 'late'];
}
