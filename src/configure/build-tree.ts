// A kernel that its owner built: the directory that kbuild worked in has all that
// a distribution spreads over packages, and knows where the source is.

import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../arch/index.js';
import type { Headers } from './headers.js';
import { readSource, type Source } from './kernel-source.js';

/** What a kernel's build directory has beside the headers. */
export interface BuildTree {
  readonly systemMap: string;
  /** The directory itself, if the image is there. */
  readonly image: string | undefined;
}

/** undefined for a headers package, where no kernel was linked. */
export function readBuildTree(dir: string): BuildTree | undefined {
  const systemMap = join(dir, 'System.map');
  if (!existsSync(systemMap)) return undefined;
  return { systemMap, image: existsSync(join(dir, machine.image.path)) ? dir : undefined };
}

/**
 * The source that a kernel was built from: kbuild leaves a link to it in the directory that
 * O= names; without O= it is the directory itself. undefined for a headers package.
 * @throws KspliceError `no-source` if the link leads to something else
 */
export function sourceOfBuild({ dir }: Headers): Source | undefined {
  if (!readBuildTree(dir)) return undefined;
  const link = join(dir, 'source');
  if (existsSync(link)) return readSource(realpathSync(link));
  return existsSync(join(dir, 'init/main.c')) ? readSource(dir) : undefined;
}
