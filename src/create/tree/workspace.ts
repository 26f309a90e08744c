// The cached work area for one source tree and one kernel: mirrored tree,
// kbuild's directory and pre objects. Opening it takes the lock, repairs what a
// killed run left, and brings the mirror up to date.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { cacheDirectory } from '../../base/cache.js';
import { KspliceError } from '../../base/errors.js';
import { takeLock } from '../../base/lock.js';
import type { Ui } from '../../base/ui.js';
import type { Confdir } from '../../configure/confdir.js';
import type { UndoStack } from '../invocation/undo-stack.js';
import { haveHeadersChanged } from './from-headers.js';
import type { Kbuild, KernelHeaders } from './kbuild.js';
import { type MirrorChanges, syncMirror } from './mirror.js';
import { PatchedTree } from './patched-tree.js';
import { isPrepared, prepareTree } from './prepare.js';

export interface Workspace {
  /** Holds everything below. */
  readonly area: string;
  readonly kbuild: Kbuild;
  /** The user's tree that `kbuild.tree` mirrors. */
  readonly source: string;
  readonly patched: PatchedTree;
  /** Lets others use the area. */
  close(): void;
}

/**
 * @param source the user's tree; never written to
 * @param config the distribution's .config
 * @param undo gets what must be done when the run ends, however it ends
 * @param types whether sectioned objects get type information
 */
export async function openWorkspace(
  source: string,
  config: string,
  headers: KernelHeaders,
  jobs: number,
  undo: UndoStack,
  ui: Ui,
  { types = false } = {},
): Promise<Workspace> {
  const area = areaFor(source, config, headers);
  const kbuild = { tree: join(area, 'tree'), objects: join(area, 'objects'), headers, jobs, types };
  mkdirSync(kbuild.objects, { recursive: true });
  const close = await takeLock(join(area, 'lock'), ui);
  undo.push('the lock', close);
  const patched = new PatchedTree(kbuild.tree, area);
  const index = join(area, 'index');
  recover(patched, index, ui);
  ui.stage('bringing the work tree up to date');
  const changes = await syncMirror(source, kbuild.tree, index, ui);
  report(changes, ui);
  if (touchesBuild(changes) || haveHeadersChanged(kbuild)) {
    // kbuild's dependencies do not cover everything that its rules read.
    rmSync(join(kbuild.objects, '.prepared'), { force: true });
    rmSync(join(area, 'pre'), { recursive: true, force: true });
  }
  if (!isPrepared(kbuild)) {
    ui.stage('preparing the work tree');
    await prepareTree(kbuild, config, ui);
  }
  return { area, kbuild, source, patched, close };
}

/** Without its index a mirror is made again. */
function recover(patched: PatchedTree, index: string, ui: Ui): void {
  const outcome = patched.recover();
  if (outcome === 'restored') ui.info('restored the source files that a killed run had patched');
  if (outcome !== 'lost') return;
  ui.info(
    'a killed run left the work tree patched, and its journal is damaged: the tree is made again',
  );
  rmSync(index, { force: true });
}

/**
 * The tree that the user gave, or the confdir's.
 * @throws KspliceError `no-source` if there is none, or it is no kernel's
 */
export function sourceOf(given: string | undefined, confdir: Confdir): string {
  const source = given ?? confdir.source;
  if (source !== undefined) {
    if (existsSync(join(source, 'Makefile'))) return source;
    throw new KspliceError('no-source', `${source} is no kernel source tree`, {
      advice: 'Give the directory that holds the top-level Makefile of the kernel.',
    });
  }
  throw new KspliceError('no-source', `${confdir.dir} has no link to the kernel's source`, {
    advice: 'Give the source tree after the options, or run configure with --source.',
  });
}

/** @throws KspliceError `usage` if caches cannot be where the user wants them */
export function checkCacheDirectory(source: string): void {
  const cache = resolve(cacheDirectory());
  const advice = 'Name another cache directory with KSPLICE_CACHE=DIR.';
  if (/[\s:]/.test(cache)) {
    throw new KspliceError('usage', `kbuild cannot work in ${cache}: spaces and colons`, {
      advice,
    });
  }
  if (!relative(realpathSync(source), cache).startsWith('..')) {
    throw new KspliceError('usage', `the cache ${cache} lies in the source tree`, { advice });
  }
}

/**
 * A directory for this source and this kernel; whatever could change what the
 * compiler makes is in its name.
 */
function areaFor(source: string, config: string, headers: KernelHeaders): string {
  const hash = createHash('sha256');
  const place = realpathSync(source);
  for (const part of [place, headers.dir, ...headers.makeVariables]) hash.update(`${part}\0`);
  hash.update(readFileSync(config));
  for (const [name, value] of headers.options) hash.update(`${name}=${value}\0`);
  const name = `${basename(place).replace(/[^\w.-]/g, '_')}-${hash.digest('hex').slice(0, 12)}`;
  return resolve(cacheDirectory(), 'trees', name);
}

function report(changes: MirrorChanges, ui: Ui): void {
  const { files, changed, removed, copied } = changes;
  ui.detail(`${files} files, ${changed.length} brought, ${removed.length} removed`);
  if (copied > 0) {
    ui.info(
      `${copied} files were copied: hard links to the source are not possible from the cache`,
    );
  }
}

// A changed .c file is followed by the objects' own dependencies; anything else
// may have a part in the configuration or in kbuild's tools. What an editor, patch(1)
// or --diffext has beside a source file (x.c.orig, x.h~) has none.
function touchesBuild({ changed, removed }: MirrorChanges): boolean {
  return [...changed, ...removed].some(
    (path) => !/\.(c|rst|txt|[chS]\.\w+|[chS]~)$/.test(path) || /^(scripts|tools)\//.test(path),
  );
}
