// A change as ksplice's --diffext takes it: beside net/ipv4/tcp.c lies
// net/ipv4/tcp.c.new, and the new version is compared with its original.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { kindOf, type PatchedFile } from './patched-file.js';
import { isProductDirectory } from './products.js';

/**
 * @param tree only read
 * @param extension what the new versions' names have behind the originals': ".new"
 * @returns the files that differ, sorted by path
 * @throws KspliceError `usage` for an extension that cannot be one, `patch-failed`
 *   if no file has it, or one has no original; `no-changes` if none differs
 */
export function filesWithExtension(tree: string, extension: string, ui: Ui): PatchedFile[] {
  if (extension === '' || extension.includes('/')) {
    throw new KspliceError('usage', `--diffext: "${extension}" is not the end of a file name`);
  }
  ui.stage(`looking for files that end in ${extension}`);
  const { pairs, orphans } = search(tree, extension);
  if (orphans.length > 0) throw withoutOriginal(orphans, extension);
  if (pairs.length === 0) {
    throw new KspliceError('patch-failed', `no file in ${tree} ends in ${extension}`, {
      advice: `Put the new version of FILE beside it, as FILE${extension}.`,
    });
  }
  const read = (path: string) => readFileSync(join(tree, path), 'latin1');
  const files = pairs.map((path) => ({
    path,
    kind: kindOf(path),
    before: read(path),
    after: read(`${path}${extension}`),
  }));
  const changed = files.filter(({ before, after }) => before !== after);
  for (const { path } of changed) ui.info(`${path}${extension} is the new ${path}`);
  if (changed.length > 0) return changed;
  throw new KspliceError(
    'no-changes',
    `every file that ends in ${extension} is equal to its original`,
    { advice: `Make the change in the file with ${extension}, not in the one without.` },
  );
}

function search(tree: string, extension: string): { pairs: string[]; orphans: string[] } {
  const pairs: string[] = [];
  const orphans: string[] = [];
  const pending = [''];
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    const entries = readdirSync(join(tree, dir), { withFileTypes: true });
    const names = new Set(entries.map(({ name }) => name));
    for (const entry of entries) {
      const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.') && !isProductDirectory(path)) pending.push(path);
      } else if (entry.name.endsWith(extension) && entry.name !== extension) {
        const original = entry.name.slice(0, -extension.length);
        if (names.has(original)) pairs.push(path.slice(0, -extension.length));
        else orphans.push(path);
      }
    }
  }
  return { pairs: pairs.sort(), orphans: orphans.sort() };
}

const SHOWN = 5;

function withoutOriginal(orphans: readonly string[], extension: string): KspliceError {
  const more = orphans.length > SHOWN ? ` and ${orphans.length - SHOWN} more` : '';
  return new KspliceError(
    'patch-failed',
    `there is no original beside ${orphans.slice(0, SHOWN).join(', ')}${more}`,
    {
      advice: `Each file that ends in ${extension} needs an original without that ending: choose an extension that no other file has. For a new file, make an empty original.`,
      details: { files: orphans },
    },
  );
}
