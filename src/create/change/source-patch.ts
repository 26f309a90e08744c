// The user's patch against the source tree: which file each part means, what
// the file's text becomes, and what kind of file it is. Nothing is written here.

import { readFileSync } from 'node:fs';
import { KspliceError, listedError } from '../../base/errors.js';
import type { Ui } from '../../base/ui.js';
import { asAlreadyApplied, hasWholePatch } from './already-applied.js';
import { applyHunks, type Fit, type HunkResult } from './apply-hunks.js';
import { textOfBytes } from './byte-text.js';
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
      advice: 'It changes only modes of files, or reverts its own changes.',
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
  const failures = patches.map((patch, index) => {
    const target = targets[index];
    if (!target) return [absent(patch, strip, texts, file)];
    return applyFile({ patch, ...target, origin: file }, texts, options, ui);
  });
  if (failures.flat().length === 0) return;
  const error = failed(file, failures.flat(), strip);
  const isNone = failures.every((list, at) => list.length === patches[at]!.hunks.length);
  const withTexts = patches.map((patch, at) => {
    const { from, to } = targets[at] ?? {};
    return { patch, text: texts.current(to ?? from ?? '') };
  });
  throw isNone && hasWholePatch(withTexts, options) ? asAlreadyApplied(error) : error;
}

/** What `diff -r` without -N says of files that are in one of its trees: the patch does not have them. */
function tellAbsentParts(file: string, patch: string, ui: Ui): void {
  for (const [, directory, name] of textOfBytes(patch).matchAll(
    /^Only in (\S+): (\S+\.[chS])\r?$/gm,
  )) {
    ui.warn(
      `${file} does not have ${directory}/${name}, which is in only one of the trees: diff -N includes such files`,
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
  const gone = patches.flatMap((patch) =>
    [0, 1, 2, 3].map((strip) => goneBefore(patch, strip, texts)).filter((one) => one !== undefined),
  );
  if (gone.length > 0) return failed(file, gone, 1);
  return new KspliceError('patch-failed', `${file} changes files that the source tree lacks`, {
    advice: `There is no ${first} in ${texts.tree}: check that the patch is for this kernel.`,
    details: { files: missing },
  });
}

/** Why a part of a patch does not apply, in a line; the reasons that have an advice of their own. */
interface Failure {
  readonly line: string;
  readonly why: 'applied' | 'repeated' | 'gone' | 'absent' | 'space' | 'other';
}

function absent(patch: FilePatch, strip: number, texts: SourceTexts, file: string): Failure {
  const name = patch.oldName ?? patch.newName;
  const path = stripName(name, strip);
  const line = path ? `${path}: no such file` : `${file}: odd file name ${name}`;
  return goneBefore(patch, strip, texts) ?? { line, why: path ? 'absent' : 'other' };
}

/** A file of the tree that is not there any more. */
function goneBefore(
  { oldName, newName, removes }: FilePatch,
  strip: number,
  texts: SourceTexts,
): Failure | undefined {
  const path = stripName(oldName ?? newName, strip);
  return path !== undefined && texts.isGone(path) ? gone(path, removes) : undefined;
}

function gone(path: string, removes: boolean): Failure {
  const what = removes ? 'is removed already' : 'is not there any more';
  return { line: `${path} ${what}: a change before this patch has taken it away`, why: 'gone' };
}

/** One file's part of a patch, with its names in the tree. */
interface Part {
  readonly patch: FilePatch;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The patch file. */
  readonly origin: string;
}

/** Applies one file's hunks to the texts so far; returns why not if they do not fit. */
function applyFile(part: Part, texts: SourceTexts, fit: Fit, ui: Ui): Failure[] {
  const { patch, from, to, origin } = part;
  const path = (to ?? from)!;
  const old = from === undefined ? '' : texts.current(from);
  // A part before this one was the last that knew it.
  if (old === undefined) return [gone(path, patch.removes)];
  const isMade = to !== undefined && from !== to;
  if ((isMade && texts.has(to)) || (patch.hunks.some(isForEmptyFile) && old !== '')) {
    return [existsAlready(path, part, texts, fit)];
  }
  const { text, hunks } = applyHunks(old, patch.hunks, fit);
  const failures = hunks.flatMap((hunk) => tellHunk(hunk, path, part, texts, ui));
  if (failures.length > 0) {
    const loosely = applyHunks(old, patch.hunks, { ...fit, ignoreWhitespace: true });
    const fits = loosely.hunks.every(({ applied }) => applied);
    if (!fits) return failures;
    return failures.map(({ line }) => ({ line: `${line}, except for white space`, why: 'space' }));
  }
  if (to === undefined && text !== '') {
    return [
      { line: `${path}: the patch removes this file, but the file has another text`, why: 'other' },
    ];
  }
  if (from !== undefined && from !== to && patch.kind !== 'copy') texts.set(from, undefined);
  if (to !== undefined) texts.set(to, text);
  patch.hunks.forEach((hunk, index) => {
    texts.remember(path, hunk, `hunk ${index + 1} of ${origin}:${patch.hunkLines[index]}`);
  });
  return [];
}

function existsAlready(path: string, { patch }: Part, texts: SourceTexts, fit: Fit): Failure {
  const creates = `${path}: the patch creates this file, but it exists`;
  const [first] = patch.hunks;
  const before = first && texts.appliedBefore(path, first);
  if (before !== undefined) return { line: `${creates}: ${before} has made it`, why: 'repeated' };
  const isSame =
    patch.kind === 'change' && texts.current(path) === applyHunks('', patch.hunks, fit).text;
  return isSame
    ? { line: `${creates} and has this text: it is applied already`, why: 'applied' }
    : { line: creates, why: 'other' };
}

/** Says where a hunk fitted if not just where it should, and returns why if nowhere. */
function tellHunk(
  hunk: HunkResult,
  path: string,
  { patch, origin }: Part,
  texts: SourceTexts,
  ui: Ui,
): Failure[] {
  const index = hunk.number - 1;
  const where = `${path}:${hunk.line}: hunk ${hunk.number} of ${patch.hunks.length}`;
  if (!hunk.applied) {
    const it = `${where} (${origin}:${patch.hunkLines[index]})`;
    const before = texts.appliedBefore(path, patch.hunks[index]!);
    if (before !== undefined) {
      return [{ line: `${it} is the same as ${before}, applied before it`, why: 'repeated' }];
    }
    return hunk.alreadyThere
      ? [{ line: `${it} is applied already`, why: 'applied' }]
      : [{ line: `${it} does not fit`, why: 'other' }];
  }
  const lines = hunk.offset === 1 || hunk.offset === -1 ? 'line' : 'lines';
  const moved = `was applied at an offset of ${hunk.offset} ${lines}`;
  if (hunk.fuzz > 0) ui.warn(`${where} ${moved} with fuzz ${hunk.fuzz}: check the result`);
  else if (hunk.offset !== 0) ui.info(`${where} ${moved}`);
  return [];
}

/** What to do about a failure. */
function adviceFor(why: Failure['why'], strip: number): string {
  switch (why) {
    case 'space':
      return 'Blanks or tabs differ from the source; mail programs and terminals change them: get the patch again, or ignore the difference with --patch-opt=-l.';
    case 'applied':
      return 'The source tree has the change already: give the source of the running kernel, without it.';
    case 'repeated':
      return 'The same change is given twice: leave the second one out.';
    case 'gone':
      return 'Make the patch against the source with all changes before it, those of the updates below among them; or leave it out.';
    case 'absent':
      return `The names were read with -p${strip}: check this number, and that the patch is for this kernel.`;
    default:
      return 'Make the patch against the source of the running kernel, or check that this tree is that source.';
  }
}

function failed(file: string, failures: readonly Failure[], strip: number): KspliceError {
  const summary = `${file} does not apply`;
  const problems = failures.map(({ line, why }) => ({
    code: 'patch-failed' as const,
    message: line,
    advice: adviceFor(why, strip),
  }));
  return listedError('patch-failed', summary, problems, `${summary}:\n  ${failures[0]?.line}`);
}
