// Unpacks a source tarball into the cache, once. The tree appears under its
// name only when it is complete; what an interrupted run left is thrown away
// by that run.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheDirectory } from '../base/cache.js';
import { makeDirectories } from '../base/directories.js';
import { KspliceError } from '../base/errors.js';
import { requireOwnDirectory } from '../base/trust.js';
import type { Ui } from '../base/ui.js';

/**
 * @param name of the tree in the cache; another version must have another name
 * @returns the tree
 * @throws KspliceError `io`, `command-failed`, `interrupted`
 */
export async function unpackSource(tarball: string, name: string, ui: Ui): Promise<string> {
  const cache = join(cacheDirectory(), 'source');
  const tree = join(cache, name);
  requireOwnDirectory(cacheDirectory());
  if (existsSync(tree)) return tree;
  ui.stage(`unpacking ${tarball} into ${cache}`);
  makeDirectories(cache);
  const partial = await mkdtemp(join(cache, '.partial-'));
  try {
    await extract(tarball, partial, ui);
    await rename(partial, tree).catch((error: NodeJS.ErrnoException) => {
      // Another run was quicker; its tree is as good.
      if (!existsSync(tree)) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return tree;
}

async function extract(tarball: string, directory: string, ui: Ui): Promise<void> {
  const total = statSync(tarball).size;
  let read = 0;
  const stream = createReadStream(tarball, { highWaterMark: 1 << 20 });
  stream.on('data', (chunk) => {
    read += chunk.length;
    ui.progress(read, total, 'bytes');
  });
  // The system's tar: 80,000 small files are its business.
  const args = ['--extract', '--xz', '--strip-components=1', '--no-same-owner', '-C', directory];
  const done = await execa('tar', args, {
    input: stream,
    reject: false,
    cancelSignal: ui.signal,
  });
  if (done.isCanceled) throw new KspliceError('interrupted', 'interrupted');
  if (done.failed) {
    throw new KspliceError('command-failed', `cannot unpack ${tarball}: ${done.stderr.trim()}`, {
      advice: 'It needs xz-utils and 1.5 GB in the cache ($KSPLICE_CACHE moves it).',
    });
  }
}
