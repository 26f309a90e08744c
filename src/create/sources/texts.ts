// The source tree as it would be after the changes so far, in memory: several
// patches may follow one another on one file.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../errors.js';
import { kindOf, type PatchedFile } from '../patched-file.js';

interface Texts {
  readonly before: string | undefined;
  after: string | undefined;
}

/** Texts of files, one byte a character, so that any encoding survives. */
export class SourceTexts {
  private readonly touched = new Map<string, Texts>();

  /** @param tree directory that is read, never written */
  constructor(readonly tree: string) {}

  /** The text as it is by now; undefined if there is no such file. */
  current(path: string): string | undefined {
    return this.entry(path).after;
  }

  /** Whether there is such a file by now; reads nothing. */
  has(path: string): boolean {
    const known = this.touched.get(path);
    if (known) return known.after !== undefined;
    return statSync(join(this.tree, path), { throwIfNoEntry: false })?.isFile() ?? false;
  }

  hasDirectory(path: string): boolean {
    return statSync(join(this.tree, path), { throwIfNoEntry: false })?.isDirectory() ?? false;
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
      const text = this.read(path);
      entry = { before: text, after: text };
      this.touched.set(path, entry);
    }
    return entry;
  }

  private read(path: string): string | undefined {
    const file = join(this.tree, path);
    try {
      return readFileSync(file, 'latin1');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
      throw new KspliceError('io', `cannot read ${file}: ${message}`, { cause: error });
    }
  }
}
