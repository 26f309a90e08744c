// The source tree as it would be after the changes so far, in memory: several
// patches may follow one another on one file.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StructuredPatchHunk } from 'diff';
import { KspliceError } from '../../base/errors.js';
import { kindOf, type PatchedFile } from './patched-file.js';

/** Where the texts before all changes are; paths are relative to it. */
export interface TextFiles {
  isFile(path: string): boolean;
  isDirectory(path: string): boolean;
  /** One byte a character; undefined if there is no such file. */
  read(path: string): string | undefined;
}

interface Texts {
  readonly before: string | undefined;
  after: string | undefined;
}

/** Texts of files, one byte a character, so that any encoding survives. */
export class SourceTexts {
  private readonly touched = new Map<string, Texts>();
  private readonly applied = new Map<string, string>();

  /**
   * @param tree directory that is read, never written
   * @param files if it is not what lies there, but in its git repository
   */
  constructor(
    readonly tree: string,
    private readonly files: TextFiles = filesIn(tree),
  ) {}

  /** The text as it is by now; undefined if there is no such file. */
  current(path: string): string | undefined {
    return this.entry(path).after;
  }

  /** Whether there is such a file by now; reads nothing. */
  has(path: string): boolean {
    const known = this.touched.get(path);
    if (known) return known.after !== undefined;
    return this.files.isFile(path);
  }

  /** Whether a change so far has removed or renamed the file. */
  isGone(path: string): boolean {
    return !this.has(path) && this.files.isFile(path);
  }

  /** Remembers a hunk, for `appliedBefore`. */
  remember(path: string, hunk: StructuredPatchHunk, where: string): void {
    const key = keyOf(path, hunk);
    if (!this.applied.has(key)) this.applied.set(key, where);
  }

  /** Where the very same hunk came from that was applied to the file before. */
  appliedBefore(path: string, hunk: StructuredPatchHunk): string | undefined {
    return this.applied.get(keyOf(path, hunk));
  }

  hasDirectory(path: string): boolean {
    return this.files.isDirectory(path);
  }

  /** @param text undefined if the file goes away */
  set(path: string, text: string | undefined): void {
    this.entry(path).after = text;
  }

  /** Every text as it is by now becomes the one that `changes()` starts from. */
  mark(): void {
    for (const [path, { after }] of this.touched) this.touched.set(path, { before: after, after });
  }

  /** The files whose text is another one than at the last mark, in the order of first use. */
  changes(): PatchedFile[] {
    return [...this.touched]
      .filter(([, { before, after }]) => before !== after)
      .map(([path, texts]) => ({ path, kind: kindOf(path), ...texts }));
  }

  private entry(path: string): Texts {
    let entry = this.touched.get(path);
    if (!entry) {
      const text = this.files.read(path);
      entry = { before: text, after: text };
      this.touched.set(path, entry);
    }
    return entry;
  }
}

function keyOf(path: string, { oldStart, newStart, lines }: StructuredPatchHunk): string {
  return [path, oldStart, newStart, ...lines].join('\n');
}

function filesIn(tree: string): TextFiles {
  const stats = (path: string) => statSync(join(tree, path), { throwIfNoEntry: false });
  return {
    isFile: (path) => stats(path)?.isFile() ?? false,
    isDirectory: (path) => stats(path)?.isDirectory() ?? false,
    read: (path) => readText(join(tree, path)),
  };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw new KspliceError('io', `cannot read ${file}: ${message}`, { cause: error });
  }
}
