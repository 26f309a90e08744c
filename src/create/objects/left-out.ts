// The files that a change does not reach: changed files from which no code of the
// running kernel is compiled, and code beside the kernel that includes a changed
// header.

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { PatchedFile } from '../change/patched-file.js';
import type { Kbuild } from '../tree/kbuild.js';
import type { PreObject } from '../values.js';
import { whyOutside } from './outside.js';
import { readsOneOf } from './pre-objects.js';

const SHOWN = 3;

/**
 * The changed files that no object was compiled of, each with the reason.
 * @param objects those that may have been, compiled without the change
 * @param isAll whether that is all, and none was left out by the user
 */
export function unreadFiles(
  files: readonly PatchedFile[],
  objects: readonly PreObject[],
  kbuild: Kbuild,
  isAll: boolean,
): string[] {
  const why = (file: PatchedFile) =>
    isAll ? whyUnread(file, kbuild) : 'no part of the targets that were named';
  return files
    .filter(({ before }) => before !== undefined)
    .filter((file) => !objects.some((object) => readsOneOf(object, [file], kbuild.tree)))
    .map((file) => `${file.path}: ${why(file)}; its change is left out`);
}

function whyUnread({ path, kind }: PatchedFile, kbuild: Kbuild): string {
  if (kind !== 'source') return 'no file that is compiled for this kernel includes it';
  const option = missingOption(path, kbuild);
  return option === undefined
    ? 'not part of this kernel as it is configured'
    : `not part of this kernel, for which ${option} is not set`;
}

/** The option without which a source is no part of a kernel, and which is not set; undefined if not known. */
export function missingOption(path: string, { tree, headers }: Kbuild): string | undefined {
  const option = optionOf(tree, path);
  if (option === undefined) return undefined;
  const isSet = headers.options.has(option) || headers.options.has(`${option}_MODULE`);
  return isSet ? undefined : option;
}

/** The option that the Makefile beside a file names for it. */
export function optionOf(tree: string, path: string): string | undefined {
  const makefile = ['Kbuild', 'Makefile']
    .map((name) => join(tree, dirname(path), name))
    .find((file) => existsSync(file));
  if (makefile === undefined) return undefined;
  const text = readFileSync(makefile, 'latin1').replaceAll('\\\n', ' ');
  const object = basename(path)
    .replace(/\.[cS]$/, '.o')
    .replace(/[.+]/g, '\\$&');
  return new RegExp(`^[^#\\n]*-\\$\\((CONFIG_\\w+)\\)[^\\n]*[\\s=]${object}(\\s|$)`, 'm').exec(
    text,
  )?.[1];
}

/**
 * Code that is compiled with a changed header, and does not run in the kernel.
 * @param sources each with the way to the header: as an IncludeGraph has it
 * @returns a line for each reason
 */
export function outsiders(
  tree: string,
  sources: Iterable<readonly [string, readonly string[]]>,
): string[] {
  const byReason = new Map<string, { header: string; why: string; list: string[] }>();
  for (const [source, [header = '', ...others]] of sources) {
    const why = whyOutside(source);
    if (why === undefined || others.length > 0 || !includesSurely(tree, source, header)) continue;
    const key = `${header}\0${why}`;
    const known = byReason.get(key) ?? { header, why, list: [] };
    byReason.set(key, { ...known, list: [...known.list, source] });
  }
  return [...byReason.values()].map(({ header, why, list }) => {
    const more = list.length > SHOWN ? ` and ${list.length - SHOWN} more` : '';
    return `the old ${header} stays in ${list.slice(0, SHOWN).join(', ')}${more}: ${why}`;
  });
}

/** The graph takes any file of the name for the one that is meant; this wants a directory, too. */
function includesSurely(tree: string, source: string, header: string): boolean {
  if (dirname(source) === dirname(header)) return true;
  const text = readFileSync(join(tree, source), 'latin1');
  const names = [...text.matchAll(/^\s*#\s*include\s+["<]([^">]+)/gm)].map(([, name]) =>
    (name as string).replace(/^(\.\.?\/)+/, ''),
  );
  return names.some((name) => name.includes('/') && `/${header}`.endsWith(`/${name}`));
}
