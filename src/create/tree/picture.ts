// Whether anything in the user's tree has changed, asked of find(1): it reads all
// that the walk of mirror.ts does, in a third of the time and in processes of its own.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';

// Of what is called .NAME the name alone counts: `.x.o.cmd` tells that x.o is a product,
// and .git changes all the time. Of a directory what is in it counts.
const LOOK = [
  ['(', '-name', '.*', '-printf', '%y %P\\0', '-prune', ')'],
  ['-o', '(', '-type', 'd', '-printf', '%y %P\\0', ')'],
  ['-o', '-printf', '%y %m %i %s %T@ %P\\0'],
].flat();

/** Nearly half of a kernel's files are in it: two processors look at the two halves. */
const HALF = 'drivers';

/**
 * Tells states of a tree apart by names, kinds, modes, inodes, sizes and times of change.
 * @returns undefined if it cannot be said: find is not GNU's, or the tree cannot be read
 */
export async function takePicture(source: string, ui: Ui): Promise<string | undefined> {
  const half = join(source, HALF);
  const halves = existsSync(half)
    ? [
        look(half, [], ui),
        look(source, ['-path', asPattern(`${source}/${HALF}`), '-prune', '-o'], ui),
      ]
    : [look(source, [], ui)];
  try {
    const seen = await Promise.all(halves);
    return seen.includes(undefined) ? undefined : seen.join(' ');
  } catch (error) {
    if (error instanceof KspliceError && error.code === 'missing-tool') return undefined;
    throw error;
  }
}

/** A pattern of find's that only this path fits. */
function asPattern(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&');
}

/** A checksum of what find prints of a directory; undefined if it fails or prints nothing. */
async function look(
  directory: string,
  without: readonly string[],
  ui: Ui,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  const args = [`${directory}/`, '-mindepth', '1', ...without, ...LOOK];
  const { status } = await runTool('find', args, {
    cwd: '/',
    signal: ui.signal,
    onData(data) {
      hash.update(data);
      bytes += data.length;
    },
  });
  return status === 0 && bytes > 0 ? hash.digest('hex') : undefined;
}

/** The state in which the tree was mirrored last, with the number of files. */
export class LastPicture {
  constructor(private readonly file: string) {}

  /** How many files the mirror has, if it is of that state. */
  filesOf(picture: string | undefined): number | undefined {
    if (picture === undefined || !existsSync(this.file)) return undefined;
    const [, last, files] = /^(\w+(?: \w+)?) (\d+)$/.exec(readFileSync(this.file, 'utf8')) ?? [];
    return last === picture ? Number(files) : undefined;
  }

  /** The mirror is being changed. */
  forget(): void {
    rmSync(this.file, { force: true });
  }

  /** The mirror holds what the tree held when the picture was taken, or what came later. */
  keep(picture: string, files: number): void {
    writeFileSync(`${this.file}.new`, `${picture} ${files}`);
    renameSync(`${this.file}.new`, this.file);
  }
}
