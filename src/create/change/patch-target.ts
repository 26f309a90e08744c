// Decides which file of the tree a part of a patch means: the names in a patch
// have leading directories that are not in the tree, and two names may mean one
// file.

import { dirname } from 'node:path';
import type { FilePatch } from './parse-patch.js';
import type { SourceTexts } from './texts.js';

/** A part's file, relative to the tree. */
export interface PatchTarget {
  /** undefined if there is none before. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/**
 * The file of each part, in order.
 * @param strip how many leading directories the names carry
 * @returns undefined where neither name is one of a file, and the part makes none
 */
export function targetsOf(
  patches: readonly FilePatch[],
  strip: number,
  texts: SourceTexts,
): (PatchTarget | undefined)[] {
  const made = new Set<string>();
  const exists = (path: string) => texts.has(path) || made.has(path);
  return patches.map((patch) => {
    const target =
      patch.kind === 'change'
        ? ofChange(patch, strip, exists, texts)
        : ofMove(patch, strip, exists);
    if (target?.to !== undefined && target.to !== target.from) made.add(target.to);
    return target;
  });
}

type Exists = (path: string) => boolean;

function ofMove(
  { oldName, newName }: FilePatch,
  strip: number,
  exists: Exists,
): PatchTarget | undefined {
  const [from, to] = [stripName(oldName, strip), stripName(newName, strip)];
  return from !== undefined && to !== undefined && exists(from) ? { from, to } : undefined;
}

/** As patch(1) chooses: the best name of a file that there is, else the best for a new one. */
function ofChange(
  { oldName, newName, creates, removes }: FilePatch,
  strip: number,
  exists: Exists,
  texts: SourceTexts,
): PatchTarget | undefined {
  const names = [oldName, newName]
    .map((name) => stripName(name, strip))
    .filter((name) => name !== undefined);
  const known = best(names.filter(exists), () => 0);
  if (known !== undefined) return { from: oldName && known, to: removes ? undefined : known };
  if (!creates) return undefined;
  const made = best(names, (name) => missingDirectories(name, texts));
  return made === undefined ? undefined : { from: undefined, to: made };
}

/** Fewest directories, then the shortest last component, then the shortest name; the first of equals. */
function best(names: readonly string[], cost: (name: string) => number): string | undefined {
  const keys = (name: string) => {
    const parts = name.split('/');
    return [cost(name), parts.length, parts.at(-1)?.length ?? 0, name.length];
  };
  const order = (a: string, b: string) => {
    const [left, right] = [keys(a), keys(b)];
    const at = left.findIndex((key, i) => key !== right[i]);
    return at < 0 ? 0 : left[at]! - right[at]!;
  };
  return names.toSorted(order)[0];
}

function missingDirectories(path: string, texts: SourceTexts): number {
  let missing = 0;
  for (let dir = dirname(path); dir !== '.' && !texts.hasDirectory(dir); dir = dirname(dir))
    missing++;
  return missing;
}

/** Without the first `strip` directories; undefined if the name has too few or leads out. */
export function stripName(name: string | undefined, strip: number): string | undefined {
  // Only the slash in front of all counts as a directory: as patch(1) has it, -p1 of /a/b is a/b.
  const parts = (name ?? '')
    .split('/')
    .filter((part, i) => i === 0 || (part !== '' && part !== '.'));
  if (parts[0] === '.') parts.shift();
  if (parts.includes('..') || parts.length <= strip || parts[strip] === '') return undefined;
  return parts.slice(strip).join('/');
}

/** The usual one first. */
const STRIPS = [1, 0, 2, 3];
/** For a module's directory: a patch of the kernel has all that leads there before its names. */
const DEEPER = [4, 5, 6, 7, 8];

/**
 * How many leading directories the names carry; -p1 unless the files say otherwise.
 * @returns undefined if no number fits
 */
export function detectStrip(patches: readonly FilePatch[], texts: SourceTexts): number | undefined {
  const strips = texts.has('init/main.c') ? STRIPS : [...STRIPS, ...DEEPER];
  const fitting = strips.find((strip) => {
    const targets = targetsOf(patches, strip, texts);
    const known = targets.filter((target) => target?.from !== undefined);
    if (known.length > 0) return targets.every((target) => target !== undefined);
    // All files are new: their places have to be there.
    return targets.every((target) => isPlaceFor(target?.to, texts));
  });
  const onlyNew = patches.every(({ oldName }) => oldName === undefined);
  return fitting ?? (onlyNew ? 1 : undefined);
}

function isPlaceFor(path: string | undefined, texts: SourceTexts): boolean {
  // Nothing that gets into the kernel lies in the topmost directory itself.
  return path?.includes('/') === true && texts.hasDirectory(dirname(path));
}
