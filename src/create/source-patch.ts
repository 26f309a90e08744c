// The user's patch against the source tree: which file each part means, what
// the file's text becomes, and what kind of file it is. Nothing is written here.

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KspliceError } from '../errors.js';
import type { Ui } from '../ui.js';
import { applyHunks, type Fit, type HunkResult } from './apply-hunks.js';
import { type FilePatch, readPatch, reversed } from './parse-patch.js';
import type { PatchedFile } from './patched-file.js';
import { type PatchOptions, USUAL_PATCH_OPTIONS } from './sources/patch-options.js';
import { SourceTexts } from './sources/texts.js';

/**
 * Reads a patch and applies it in memory.
 * @param tree the source tree, as the user has it
 * @throws KspliceError `patch-failed`, with every hunk that does not fit;
 *   `no-changes` if every text stays what it is
 */
export function loadPatch(file: string, tree: string, ui: Ui): PatchedFile[] {
  return loadPatches([file], tree, USUAL_PATCH_OPTIONS, ui);
}

/**
 * Reads patches and applies them in memory, each to the result of those before it.
 * @throws KspliceError as loadPatch(); the first patch that does not apply ends it
 */
export function loadPatches(
  files: readonly string[],
  tree: string,
  options: PatchOptions,
  ui: Ui,
): PatchedFile[] {
  return applyPatches(files, new SourceTexts(tree), options, ui);
}

/** The same on top of other changes: those after the texts' last mark are returned. */
export function applyPatches(
  files: readonly string[],
  texts: SourceTexts,
  options: PatchOptions,
  ui: Ui,
): PatchedFile[] {
  for (const file of files) applyPatch(file, readPatchFile(file), texts, options, ui);
  const changes = texts.changes();
  if (changes.length === 0) {
    throw new KspliceError('no-changes', `${files.join(', ')} leaves every file as it is`, {
      advice: 'It changes modes of files only, or takes back what it does.',
    });
  }
  return changes;
}

/**
 * Applies a patch to the texts.
 * @param file what to call it
 */
export function applyPatch(
  file: string,
  patch: string,
  texts: SourceTexts,
  options: PatchOptions,
  ui: Ui,
): void {
  const parts = readPatch(patch, file);
  const patches = options.reverse ? reversed(parts) : parts;
  const strip = options.strip ?? detectStrip(patches, texts, file);
  const failures = patches.flatMap((patch) => {
    const from = patch.oldName && stripName(patch.oldName, strip);
    const to = patch.newName && stripName(patch.newName, strip);
    return applyFile({ patch, from, to, origin: file }, texts, options, ui);
  });
  if (failures.length > 0) throw failed(file, failures, strip);
}

/**
 * The bytes of a patch, one a character.
 * @throws KspliceError `io`
 */
export function readPatchFile(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    throw new KspliceError('io', `cannot read the patch ${file}: ${(error as Error).message}`, {
      advice: 'Give the path of a unified diff with --patch.',
      cause: error,
    });
  }
}

/** The usual one first. */
const STRIPS = [1, 0, 2, 3];
/** For a module's directory: a patch of the kernel has all that leads there before its names. */
const DEEPER = [4, 5, 6, 7, 8];

/** How many leading directories the names carry; -p1 unless the files say otherwise. */
function detectStrip(patches: readonly FilePatch[], texts: SourceTexts, file: string): number {
  const onlyNew = patches.every(({ oldName }) => oldName === undefined);
  const fits = (strip: number) =>
    onlyNew
      ? patches.every(({ newName = '' }) => isPlaceFor(stripName(newName, strip), texts))
      : absentNames(patches, strip, texts).length === 0;
  const strips = texts.has('init/main.c') ? STRIPS : [...STRIPS, ...DEEPER];
  const strip = strips.find(fits);
  if (strip !== undefined) return strip;
  if (onlyNew) return 1;
  const missing = absentNames(patches, 1, texts);
  throw new KspliceError('patch-failed', `${file} changes files that the source tree lacks`, {
    advice: `There is no ${stripName(missing[0] ?? '', 1)} in ${texts.tree}: is the patch for this kernel?`,
    details: missing,
  });
}

/** Names of old files that are neither in the tree nor made by an earlier part of the patch. */
function absentNames(patches: readonly FilePatch[], strip: number, texts: SourceTexts): string[] {
  const made = new Set<string>();
  return patches.flatMap(({ oldName, newName }) => {
    const from = oldName && stripName(oldName, strip);
    const to = newName && stripName(newName, strip);
    const absent = oldName !== undefined && !(from && (texts.has(from) || made.has(from)));
    if (to && to !== from) made.add(to);
    return absent ? [oldName] : [];
  });
}

function isPlaceFor(path: string | undefined, texts: SourceTexts): boolean {
  // Nothing that gets into the kernel lies in the topmost directory itself.
  return path?.includes('/') === true && texts.hasDirectory(dirname(path));
}

/** Without the first `strip` directories; undefined if the name has too few or leads out. */
function stripName(name: string, strip: number): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || parts.length <= strip) return undefined;
  return parts.slice(strip).join('/');
}

/** One file's part of a patch, with its names in the tree. */
interface Part {
  readonly patch: FilePatch;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The patch file. */
  readonly origin: string;
}

/** Applies one file's hunks to the texts so far; returns the failures' lines. */
function applyFile(part: Part, texts: SourceTexts, fit: Fit, ui: Ui): string[] {
  const { patch, from, to, origin } = part;
  const path = to ?? from;
  if (!path || (patch.oldName && !from) || (patch.newName && !to)) {
    return [`${origin}: odd file name ${patch.oldName ?? patch.newName}`];
  }
  const old = from ? texts.current(from) : '';
  if (old === undefined) return [`${from}: no such file`];
  if (to && from !== to && texts.has(to)) {
    return [`${path}: the patch creates this file, but it exists`];
  }
  const { text, hunks } = applyHunks(old, patch.hunks, fit);
  const failures = hunks.flatMap((hunk) => tellHunk(hunk, path, hunks.length, part, ui));
  if (failures.length > 0) return failures;
  if (!to && !patch.copy && text !== '')
    return [`${path}: the patch removes this file, but knows another text`];
  if (from && from !== to && !patch.copy) texts.set(from, undefined);
  if (to) texts.set(to, text);
  return [];
}

/** Says where a hunk fitted if not just where it should, and returns why if nowhere. */
function tellHunk(hunk: HunkResult, path: string, of: number, part: Part, ui: Ui): string[] {
  const where = `${path}:${hunk.line}: hunk ${hunk.number} of ${of}`;
  if (!hunk.applied) {
    const why = hunk.alreadyThere ? 'is applied already' : 'does not fit';
    return [`${where} (${part.origin}:${part.patch.hunkLines[hunk.number - 1]}) ${why}`];
  }
  const lines = hunk.offset === 1 || hunk.offset === -1 ? 'line' : 'lines';
  const moved = `fitted at an offset of ${hunk.offset} ${lines}`;
  if (hunk.fuzz > 0) ui.warn(`${where} ${moved} with fuzz ${hunk.fuzz}: look at it`);
  else if (hunk.offset !== 0) ui.info(`${where} ${moved}`);
  return [];
}

function failed(file: string, failures: readonly string[], strip: number): KspliceError {
  const applied = failures.every((line) => line.endsWith('applied already'));
  const absent = failures.every((line) => line.endsWith('no such file'));
  const otherwise = absent
    ? `The names were read with -p${strip}: is that right, and is the patch for this kernel?`
    : 'Make the patch against the source of the running kernel, or check that this is that source.';
  return new KspliceError(
    'patch-failed',
    `${file} does not apply:\n${failures.map((line) => `  ${line}`).join('\n')}`,
    {
      advice: applied
        ? 'The source tree has the change already: give the source of the running kernel, without it.'
        : otherwise,
      details: failures,
    },
  );
}
