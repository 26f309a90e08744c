// A mirror of the user's source tree, made of hard links: 80,000 files in a
// few seconds and no space. Nothing may be written *through* a link: kbuild
// works in a directory of its own (O=), and patched files replace their link by
// rename. Later runs compare inode, size and time of change, and bring only
// what differs; if find(1) says that all is as it was, there is nothing to compare.

import type { Stats } from 'node:fs';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { asInnerPath } from '../../base/stored.js';
import { interrupted } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import { isProduct, isProductDirectory } from '../change/products.js';
import { LastPicture, takePicture } from './picture.js';

export interface MirrorChanges {
  /** Paths that are new or differ, relative to the tree. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** Files in the mirror. */
  readonly files: number;
  /** Files that had to be copied, because links were not possible. */
  readonly copied: number;
}

/** Path → what tells a file's versions apart. */
type Index = Map<string, string>;

/**
 * Brings the mirror up to date with the source; neither may be written to
 * meanwhile.
 * @param indexFile what the mirror held after the last run
 * @throws KspliceError `interrupted`; a mirror that was there before can be used again
 */
export async function syncMirror(
  source: string,
  tree: string,
  indexFile: string,
  ui: Ui,
): Promise<MirrorChanges> {
  // Taken before anything is looked at: what changes from now on, the next picture shows.
  const picture = await takePicture(source, ui);
  const last = new LastPicture(`${indexFile}.picture`);
  const unchanged = existsSync(indexFile) ? last.filesOf(picture) : undefined;
  if (unchanged !== undefined) return { changed: [], removed: [], files: unchanged, copied: 0 };
  last.forget();
  const known = readIndex(indexFile);
  if (known.size === 0) rmSync(tree, { recursive: true, force: true });
  const fresh: Index = new Map();
  const changed: string[] = [];
  const links = new HardLinks();
  try {
    for await (const [path, stats] of walk(source, ui)) {
      const signature = `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
      fresh.set(path, signature);
      if (known.get(path) === signature) continue;
      links.bring(join(source, path), join(tree, path), stats);
      changed.push(path);
    }
  } catch (error) {
    // A first mirror that is not whole is of no use, and copies may have filled the disk.
    if (known.size === 0) rmSync(tree, { recursive: true, force: true });
    throw error;
  }
  const removed = [...known.keys()].filter((path) => !fresh.has(path));
  for (const path of removed) rmSync(join(tree, path), { force: true, recursive: true });
  if (changed.length > 0 || removed.length > 0) writeIndex(indexFile, fresh);
  if (picture !== undefined) last.keep(picture, fresh.size);
  return { changed, removed, files: fresh.size, copied: links.copied };
}

function readIndex(file: string): Index {
  const index: Index = new Map();
  if (!existsSync(file)) return index;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const [, signature, path] = /^([\d.:+e-]+) (.+)$/.exec(line) ?? [];
    // What is damaged may name anything, and the mirror loses what it names and the source has not.
    if (signature === undefined || !asInnerPath(path)) return new Map();
    index.set(path!, signature);
  }
  return index;
}

function writeIndex(file: string, index: Index): void {
  let text = '';
  for (const [path, signature] of index) text += `${signature} ${path}\n`;
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const DIRECTORIES_A_BREATH = 64;

async function* walk(source: string, ui: Ui): AsyncGenerator<[string, Stats]> {
  const pending = [''];
  let directories = 0;
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    // Let a signal through now and then: everything here is synchronous.
    if (++directories % DIRECTORIES_A_BREATH === 0) await new Promise(setImmediate);
    if (ui.signal.aborted) throw interrupted();
    const entries = readdirSync(join(source, dir), { withFileTypes: true });
    const names = new Set(entries.map((entry) => entry.name));
    for (const entry of entries) {
      const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
      if (isProduct(entry.name, names)) continue;
      if (entry.isDirectory()) {
        if (!isProductDirectory(path)) pending.push(path);
        continue;
      }
      const stats = lstatSync(join(source, path));
      if (isHostProgram(join(source, path), stats)) continue;
      yield [path, stats];
    }
  }
}

// Programs that a build in the tree made (scripts/basic/fixdep) have no name
// to know them by, but no source file without a suffix is an ELF file.
function isHostProgram(file: string, stats: Stats): boolean {
  if ((stats.mode & 0o111) === 0 || !stats.isFile() || /\.[a-z]+$/.test(file)) return false;
  const magic = Buffer.alloc(4);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, magic, 0, 4, 0);
  } finally {
    closeSync(fd);
  }
  return magic.readUInt32BE(0) === 0x7f454c46;
}

class HardLinks {
  copied = 0;
  private linksWork = true;
  private madeDirectory = '';

  /** Puts a link to `from` (or a copy, if need be) in the place of `to`. */
  bring(from: string, to: string, stats: Stats): void {
    const dir = dirname(to);
    if (dir !== this.madeDirectory) mkdirSync(dir, { recursive: true });
    this.madeDirectory = dir;
    if (stats.isSymbolicLink()) {
      rmSync(to, { force: true, recursive: true });
      symlinkSync(readlinkSync(from), to);
    } else if (!this.linksWork || !this.link(from, to)) {
      rmSync(to, { force: true, recursive: true });
      copyFileSync(from, to, constants.COPYFILE_FICLONE);
      utimesSync(to, stats.atime, stats.mtime);
      this.copied++;
    }
  }

  private link(from: string, to: string): boolean {
    try {
      linkSync(from, to);
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EEXIST') {
        rmSync(to, { force: true, recursive: true });
        return this.link(from, to);
      }
      // Another file system, or a tree of somebody else's (protected_hardlinks).
      if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
      if (code !== 'EMLINK') this.linksWork = false;
      return false;
    }
  }
}
