// A module of which only the directory is at hand: the kernel's headers are
// enough to build it, before and after the patch. kbuild works in a copy, so
// the directory itself is never written to.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { interrupted } from '../../base/tool.js';
import type { Confdir } from '../../configure/confdir.js';
import { kindOf, type PatchedFile } from '../change/patched-file.js';
import { isProduct } from '../change/products.js';
import type { Kbuild } from '../tree/kbuild.js';
import { PatchedTree } from '../tree/patched-tree.js';
import type { Workspace } from '../tree/workspace.js';

/**
 * Makes sure that a directory is what kbuild can build with M=.
 * @returns its real path
 * @throws KspliceError `no-source` if it is not
 */
export function moduleDirectory(directory: string): string {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new KspliceError('no-source', `${directory} is no directory`, {
      advice: "Give the directory of the module's source with --module.",
    });
  }
  const has = (name: string) => existsSync(join(directory, name));
  if (!has('Kbuild') && !has('Makefile')) {
    throw new KspliceError('no-source', `${directory} has neither Kbuild nor Makefile`, {
      advice: 'Give the directory that is built with `make -C /lib/modules/RELEASE/build M=DIR`.',
    });
  }
  if (has('init/main.c')) {
    throw new KspliceError('usage', `${directory} is the source of a whole kernel`, {
      advice: 'Leave --module out: for a kernel tree use create [source].',
    });
  }
  return realpathSync(directory);
}

/** Changed files of a module's directory: what kind they are does not depend on where in it they lie. */
export function moduleFiles(files: readonly PatchedFile[]): PatchedFile[] {
  return files.map((file) => ({ ...file, kind: kindOf(basename(file.path)) }));
}

/**
 * Copies a module's directory to a place where kbuild may write.
 * @param source by moduleDirectory()
 * @param area an empty directory, without spaces in its name
 */
export function copyModule(
  source: string,
  area: string,
  confdir: Confdir,
  how: Pick<Kbuild, 'headers' | 'jobs' | 'types'>,
  signal: AbortSignal,
): Workspace {
  const tree = join(area, 'module');
  copySource(source, tree, signal);
  const kbuild = { tree, objects: confdir.build, ...how };
  return { area, kbuild, source, patched: new PatchedTree(tree, area), close: () => {} };
}

/**
 * All but what an earlier build left. Links are followed: through one, kbuild would
 * write elsewhere. Modes are not kept, so that the copy can be written to.
 */
function copySource(
  from: string,
  to: string,
  signal: AbortSignal,
  above: readonly string[] = [],
): void {
  if (signal.aborted) throw interrupted();
  const real = realpathSync(from);
  if (above.includes(real)) return;
  mkdirSync(to, { recursive: true });
  const names = readdirSync(from);
  const siblings = new Set(names);
  for (const name of names) {
    if (isProduct(name, siblings)) continue;
    const [source, copy] = [join(from, name), join(to, name)];
    const stats = statSync(source, { throwIfNoEntry: false });
    if (stats?.isDirectory()) copySource(source, copy, signal, [...above, real]);
    else if (stats?.isFile()) copyContents(source, copy);
  }
}

function copyContents(source: string, copy: string): void {
  try {
    copyFileSync(source, copy);
    chmodSync(copy, statSync(source).mode | 0o600);
  } catch (cause) {
    throw new KspliceError('io', `cannot copy ${source}: ${(cause as Error).message}`, { cause });
  }
}
