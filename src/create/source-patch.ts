// The user's patch against the source tree: which file each part means, what
// the file's text becomes, and what kind of file it is. Nothing is written here.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../errors.js';
import type { Ui } from '../ui.js';
import { applyHunks } from './apply-hunks.js';
import { type FilePatch, readPatch } from './parse-patch.js';

/**
 * What a changed file means for the kernel:
 * `source` is compiled by itself, `included` takes part in the compilation of
 * others, `rules` are kbuild's, `other` never gets into the kernel.
 */
export type FileKind = 'source' | 'included' | 'rules' | 'other';

export interface PatchedFile {
  /** Relative to the tree. */
  readonly path: string;
  readonly kind: FileKind;
  /** Text before, undefined if the patch creates the file. One byte a character. */
  readonly before: string | undefined;
  /** Text after, undefined if the patch removes the file. */
  readonly after: string | undefined;
}

/**
 * Reads a patch and applies it in memory.
 * @param tree the source tree, as the user has it
 * @throws KspliceError `patch-failed`, with every hunk that does not fit
 */
export function loadPatch(file: string, tree: string, ui: Ui): PatchedFile[] {
  const patches = readPatch(readPatchFile(file), file);
  const strip = detectStrip(patches, tree, file);
  const state = new Map<string, { before: string | undefined; after: string | undefined }>();
  const failures: string[] = [];
  for (const patch of patches) {
    const from = patch.oldName && stripName(patch.oldName, strip);
    const to = patch.newName && stripName(patch.newName, strip);
    for (const path of new Set([from, to])) {
      if (path && !state.has(path)) {
        const before = readSource(join(tree, path));
        state.set(path, { before, after: before });
      }
    }
    failures.push(...applyFile(patch, from, to, file, state, ui));
  }
  if (failures.length > 0) throw failed(file, failures);
  return [...state].map(([path, texts]) => ({ path, kind: kindOf(path), ...texts }));
}

function readPatchFile(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    throw new KspliceError('io', `cannot read the patch ${file}: ${(error as Error).message}`, {
      advice: 'Give the path of a unified diff with --patch.',
      cause: error,
    });
  }
}

function readSource(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** How many leading directories the names carry; -p1 unless the files say otherwise. */
function detectStrip(patches: readonly FilePatch[], tree: string, file: string): number {
  const names = patches.flatMap((patch) => patch.oldName ?? []);
  if (names.length === 0) return 1;
  for (const strip of [1, 0, 2, 3]) {
    const found = names.map((name) => stripName(name, strip));
    if (found.every((name) => name && isFile(join(tree, name)))) return strip;
  }
  const missing = names.filter((name) => !isFile(join(tree, stripName(name, 1) ?? '')));
  throw new KspliceError('patch-failed', `${file} changes files that the source tree lacks`, {
    advice: `There is no ${stripName(missing[0] ?? '', 1)} in ${tree}: is the patch for this kernel?`,
    details: missing,
  });
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Without the first `strip` directories; undefined if the name has too few or leads out. */
function stripName(name: string, strip: number): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || parts.length <= strip) return undefined;
  return parts.slice(strip).join('/');
}

/** Applies one file's hunks to the texts so far; returns the failures' lines. */
function applyFile(
  patch: FilePatch,
  from: string | undefined,
  to: string | undefined,
  origin: string,
  state: Map<string, { before: string | undefined; after: string | undefined }>,
  ui: Ui,
): string[] {
  const path = to ?? from;
  if (!path) return [`${origin}: odd file name ${patch.oldName ?? patch.newName}`];
  const old = from ? state.get(from)?.after : '';
  if (old === undefined) return [`${from}: no such file`];
  if (!from && state.get(path)?.after !== undefined) {
    return [`${path}: the patch creates this file, but it exists`];
  }
  const { text, hunks } = applyHunks(old, patch.hunks);
  const failures: string[] = [];
  for (const hunk of hunks) {
    const where = `${path}:${hunk.line}: hunk ${hunk.number} of ${hunks.length}`;
    if (!hunk.applied) {
      const why = hunk.alreadyThere ? 'is applied already' : 'does not fit';
      failures.push(`${where} (${origin}:${patch.hunkLines[hunk.number - 1]}) ${why}`);
    } else if (hunk.fuzz > 0) {
      ui.warn(`${where} fitted at offset ${hunk.offset} with fuzz ${hunk.fuzz}`);
    } else if (hunk.offset !== 0) {
      ui.detail(`${where} fitted at offset ${hunk.offset}`);
    }
  }
  if (from && from !== to) setAfter(state, from, undefined);
  setAfter(state, path, to ? text : undefined);
  return failures;
}

function setAfter(
  state: Map<string, { before: string | undefined; after: string | undefined }>,
  path: string,
  after: string | undefined,
): void {
  state.set(path, { before: state.get(path)?.before, after });
}

function failed(file: string, failures: readonly string[]): KspliceError {
  const applied = failures.every((line) => line.endsWith('applied already'));
  return new KspliceError(
    'patch-failed',
    `${file} does not apply:\n${failures.map((line) => `  ${line}`).join('\n')}`,
    {
      advice: applied
        ? 'The source tree has the change already: give the source of the running kernel, without it.'
        : 'Make the patch against the source of the running kernel, or check that this is that source.',
      details: failures,
    },
  );
}

const RULES = /(^|\/)(Makefile|Kbuild|Kconfig)[^/]*$|\.(lds|lds\.S)$/;
const NOT_KERNEL = /^(Documentation|tools|samples|scripts|LICENSES|usr|debian|rust)\//;

/** What a change of the file can do to the kernel; x86 is the one architecture handled. */
export function kindOf(path: string): FileKind {
  if (NOT_KERNEL.test(path) || /^arch\/(?!x86\/)/.test(path) || /^arch\/x86\/tools\//.test(path)) {
    return 'other';
  }
  if (RULES.test(path)) return 'rules';
  if (/\.[cS]$/.test(path)) return 'source';
  return /\.(h|inc|tbl|asn1|uc)$/.test(path) ? 'included' : 'other';
}
