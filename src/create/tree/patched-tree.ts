// Writes patched files into the mirrored tree and puts the originals back.
//
// The originals are moved aside, never written to: they are links to the user's
// files. A journal, on disk before the first move, lets the next run put them
// back if this one is killed.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { asInnerPath, asListOf, asRecord, fromJson } from '../../base/stored.js';
import type { PatchedFile } from '../change/patched-file.js';
import type { UndoStack } from '../invocation/undo-stack.js';

interface Entry {
  readonly path: string;
  /** Name of the original in the directory of originals; null for a new file. */
  readonly saved: string | null;
}

const asJournal = asListOf(
  asRecord<Entry>({
    path: asInnerPath,
    saved: (value) => (value === null ? null : asInnerPath(value)),
  }),
);

/** The mirrored tree with its journal. */
export class PatchedTree {
  private readonly originals: string;
  private readonly journal: string;

  /** @param area directory of the cached tree, on the same file system as `tree` */
  constructor(
    private readonly tree: string,
    area: string,
  ) {
    this.originals = join(area, 'originals');
    this.journal = join(area, 'journal.json');
  }

  /**
   * Puts back what a killed run left.
   * @returns `lost` if its journal is damaged: then the tree cannot be used, and has to be made again
   */
  recover(): 'whole' | 'restored' | 'lost' {
    if (!existsSync(this.journal)) return 'whole';
    const entries = fromJson(readFileSync(this.journal, 'utf8'), asJournal);
    if (entries) this.restore(entries);
    rmSync(this.journal, { force: true });
    return entries ? 'restored' : 'lost';
  }

  /** Applies the files' new texts; the undo stack gets the way back. */
  patch(files: readonly PatchedFile[], undo: UndoStack): void {
    const entries = files.map((file, index) => ({
      path: file.path,
      saved: file.before === undefined ? null : `${index}`,
    }));
    mkdirSync(this.originals, { recursive: true });
    this.writeJournal(entries);
    undo.push('the patched source files', () => this.restore(entries));
    files.forEach((file, index) => {
      const place = join(this.tree, file.path);
      const saved = entries[index]?.saved;
      if (saved) renameSync(place, join(this.originals, saved));
      if (file.after === undefined) return;
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, file.after, { encoding: 'latin1', flag: 'wx' });
    });
  }

  // May run at any point of patch(), and again after being killed itself: an
  // original that is not in its directory is still, or again, in its place.
  private restore(entries: readonly Entry[]): void {
    for (const { path, saved } of entries) {
      const place = join(this.tree, path);
      if (saved === null) rmSync(place, { force: true });
      else if (existsSync(join(this.originals, saved))) {
        renameSync(join(this.originals, saved), place);
      }
    }
    rmSync(this.journal, { force: true });
  }

  private writeJournal(entries: readonly Entry[]): void {
    const fd = openSync(`${this.journal}.new`, 'w');
    try {
      writeSync(fd, JSON.stringify(entries));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${this.journal}.new`, this.journal);
  }
}
