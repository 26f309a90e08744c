// A commit with the patches of applied updates, one layer each. git is asked only for
// the files that the patches name, and for nothing else of the commit.

import type { Ui } from '../../base/ui.js';
import type { Update } from '../../update/update.js';
import type { GitRepository } from './git-repository.js';
import { Layers } from './layers.js';
import { readPatch } from './parse-patch.js';
import { SourceTexts, type TextFiles } from './texts.js';

/** As many leading directories of a name in a patch may have to be left out. */
const MOST_STRIPPED = 3;

/**
 * @param commit what was booted
 * @throws KspliceError `patch-failed` if a patch does not fit that commit
 */
export async function layersOn(
  repository: GitRepository,
  commit: string,
  updates: readonly Update[],
  ui: Ui,
): Promise<Layers> {
  const named = updates.flatMap(({ id, patch }) => readPatch(patch, `the patch of update ${id}`));
  const names = named.flatMap(({ oldName = [], newName = [] }) => [oldName, newName].flat());
  const files = await filesAt(repository, commit, [...names.flatMap(places), 'init/main.c']);
  return new Layers(new SourceTexts(repository.top, files), updates, ui);
}

/** The paths that a name in a patch may mean. */
function places(name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return [];
  const strips = Array.from({ length: MOST_STRIPPED + 1 }, (_, strip) => strip);
  return strips.map((strip) => parts.slice(strip).join('/')).filter((path) => path !== '');
}

async function filesAt(
  repository: GitRepository,
  commit: string,
  paths: readonly string[],
): Promise<TextFiles> {
  const parents = paths.map((path) => path.replace(/\/?[^/]*$/, '')).filter((path) => path !== '');
  const entries = await repository.entries(commit, [...new Set([...paths, ...parents])]);
  const texts = new Map<string, string>();
  for (const { path, blob } of entries) {
    if (blob !== undefined) texts.set(path, await repository.text(blob));
  }
  const directories = new Set(entries.filter(({ blob }) => !blob).map(({ path }) => path));
  return {
    isFile: (path) => texts.has(path),
    isDirectory: (path) => directories.has(path),
    read: (path) => texts.get(path),
  };
}
