// The user's patch against the source tree: which file each part means, what
// the file's text becomes, and what kind of file it is. Nothing is written here.

import { readFileSync } from 'node:fs';
import { KspliceError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { applyHunks, type Fit, type HunkResult } from './apply-hunks.js';
import { type FilePatch, readPatch, reversed } from './parse-patch.js';
import { isForEmptyFile } from './patch-hunk.js';
import { type PatchOptions, USUAL_PATCH_OPTIONS } from './patch-options.js';
import { detectStrip, stripName, targetsOf } from './patch-target.js';
import { kindOf, type PatchedFile } from './patched-file.js';
import { SourceTexts } from './texts.js';

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
  tellAbsentParts(file, patch, ui);
  const patches = withoutSpecial(options.reverse ? reversed(parts) : parts, file, options, ui);
  if (patches.length === 0) return;
  const strip = options.strip ?? detectStrip(patches, texts);
  if (strip === undefined) throw absentFiles(patches, texts, file);
  const targets = targetsOf(patches, strip, texts);
  const failures = patches.flatMap((patch, index) => {
    const target = targets[index];
    if (!target) return [absent(patch, strip, file)];
    return applyFile({ patch, ...target, origin: file }, texts, options, ui);
  });
  if (failures.length > 0) throw failed(file, failures, strip);
}

/** What `diff -r` without -N says of files that are in one of its trees: the patch does not have them. */
function tellAbsentParts(file: string, patch: string, ui: Ui): void {
  for (const [, directory, name] of patch.matchAll(/^Only in (\S+): (\S+\.[chS])\r?$/gm)) {
    ui.warn(
      `${file} does not have ${directory}/${name}, which is in one of the trees only: diff -N takes such files in`,
    );
  }
}

/**
 * The parts that change text. What is none can stay away where nothing is compiled of it.
 * @throws KspliceError `patch-failed`
 */
function withoutSpecial(
  patches: readonly FilePatch[],
  file: string,
  { strip }: PatchOptions,
  ui: Ui,
): FilePatch[] {
  return patches.filter(({ oldName, newName, special, line }) => {
    if (special === undefined) return true;
    const name = newName ?? oldName ?? '';
    const path = stripName(name, strip ?? 1) ?? name;
    if (kindOf(path) !== 'other') {
      throw new KspliceError(
        'patch-failed',
        `${file}:${line}: the patch changes a ${special}: ${path}`,
        {
          advice: 'Leave it out of the patch: only source can be changed.',
        },
      );
    }
    ui.warn(`${path}: a ${special}, left out: it does not get into the kernel`);
    return false;
  });
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

/** At the end of a failure's line. */
const BUT_FOR_SPACE = ', but for white space';

/** Names that are no file's, whatever is taken off them. */
function absentFiles(
  patches: readonly FilePatch[],
  texts: SourceTexts,
  file: string,
): KspliceError {
  const targets = targetsOf(patches, 1, texts);
  const missing = patches
    .filter((_, index) => !targets[index])
    .map(({ oldName, newName }) => oldName ?? newName ?? '');
  const first = stripName(missing[0], 1) ?? missing[0];
  return new KspliceError('patch-failed', `${file} changes files that the source tree lacks`, {
    advice: `There is no ${first} in ${texts.tree}: is the patch for this kernel?`,
    details: missing,
  });
}

function absent({ oldName, newName }: FilePatch, strip: number, file: string): string {
  const path = stripName(oldName ?? newName, strip);
  return path ? `${path}: no such file` : `${file}: odd file name ${oldName ?? newName}`;
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
  const { patch, from, to } = part;
  const path = (to ?? from)!;
  const old = from === undefined ? '' : texts.current(from);
  if (old === undefined) return [`${from}: no such file`];
  const isMade = to !== undefined && from !== to;
  if ((isMade && texts.has(to)) || (patch.hunks.some(isForEmptyFile) && old !== '')) {
    return [`${path}: the patch creates this file, but it exists`];
  }
  const { text, hunks } = applyHunks(old, patch.hunks, fit);
  const failures = hunks.flatMap((hunk) => tellHunk(hunk, path, hunks.length, part, ui));
  if (failures.length > 0) {
    const loosely = applyHunks(old, patch.hunks, { ...fit, ignoreWhitespace: true });
    const fits = loosely.hunks.every(({ applied }) => applied);
    return fits ? failures.map((line) => `${line}${BUT_FOR_SPACE}`) : failures;
  }
  if (to === undefined && text !== '')
    return [`${path}: the patch removes this file, but knows another text`];
  if (from !== undefined && from !== to && patch.kind !== 'copy') texts.set(from, undefined);
  if (to !== undefined) texts.set(to, text);
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

function applyMessage(file: string, failures: readonly string[]): string {
  return `${file} does not apply:\n${failures.map((line) => `  ${line}`).join('\n')}`;
}

function failed(file: string, failures: readonly string[], strip: number): KspliceError {
  const applied = failures.every((line) => line.endsWith('applied already'));
  const absent = failures.every((line) => line.endsWith('no such file'));
  const spoilt = failures.every((line) => line.endsWith(BUT_FOR_SPACE));
  if (spoilt) {
    return new KspliceError('patch-failed', applyMessage(file, failures), {
      advice:
        'Blanks or tabs are others than in the source, as mail programs and terminals leave them: get the patch again, or ignore them with --patch-opt=-l.',
      details: failures,
    });
  }
  const otherwise = absent
    ? `The names were read with -p${strip}: is that right, and is the patch for this kernel?`
    : 'Make the patch against the source of the running kernel, or check that this is that source.';
  return new KspliceError('patch-failed', applyMessage(file, failures), {
    advice: applied
      ? 'The source tree has the change already: give the source of the running kernel, without it.'
      : otherwise,
    details: failures,
  });
}
