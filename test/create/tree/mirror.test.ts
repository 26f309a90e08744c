import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KspliceError } from '../../../src/base/errors.js';
import { silentUi } from '../../../src/base/ui.js';
import { syncMirror } from '../../../src/create/tree/mirror.js';

let area: string;
let source: string;
let tree: string;

beforeEach(() => {
  area = mkdtempSync(join(tmpdir(), 'ksplice-mirror-'));
  source = join(area, 'source');
  tree = join(area, 'tree');
  put('Makefile', 'VERSION = 6\n');
  put('kernel/fork.c', 'int fork;\n');
  put('include/linux/a.h', '');
});
afterEach(() => rmSync(area, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(source, path)), { recursive: true });
  writeFileSync(join(source, path), text);
}

const sync = () => syncMirror(source, tree, join(area, 'index'), silentUi);

function files(directory: string): string[] {
  return (
    readdirSync(directory, { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[]
  )
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

describe('syncMirror', () => {
  it('links files, keeps symbolic links', async () => {
    symlinkSync('../include', join(source, 'kernel/link'));
    const { changed, files: count, copied } = await sync();
    expect(changed).toHaveLength(4);
    expect([count, copied]).toEqual([4, 0]);
    const inode = (path: string) => statSync(path).ino;
    expect(inode(join(tree, 'Makefile'))).toBe(inode(join(source, 'Makefile')));
    expect(readlinkSync(join(tree, 'kernel/link'))).toBe('../include');
  });

  it('leaves out what an earlier build and version control left', async () => {
    const wanted = files(source);
    for (const path of [
      '.config',
      '.git/HEAD',
      'vmlinux',
      'kernel/fork.o',
      'kernel/.fork.o.cmd',
      'include/config/auto.conf',
      'include/generated/autoconf.h',
      'arch/x86/include/generated/asm/a.h',
      'lib/crc32table.h',
      'lib/.crc32table.h.cmd',
      'net/sctp/sctp.mod.c',
    ]) {
      put(path, '');
    }
    copyFileSync('/bin/true', join(source, 'kernel/fixdep'));
    chmodSync(join(source, 'kernel/fixdep'), 0o755);
    await sync();
    expect(files(tree)).toEqual(wanted);
  });

  it('brings only what differs the next time', async () => {
    put('init/main.c', 'int main;\n');
    await sync();
    expect((await sync()).changed).toEqual([]);
    appendFileSync(join(source, 'kernel/fork.c'), 'int more;\n');
    put('kernel/new.c', '');
    rmSync(join(source, 'init/main.c'));
    // An editor that writes a new file and renames it.
    put('.Makefile.swp', 'VERSION = 7\n');
    renameSync(join(source, '.Makefile.swp'), join(source, 'Makefile'));
    const { changed, removed } = await sync();
    expect([...changed].sort()).toEqual(['Makefile', 'kernel/fork.c', 'kernel/new.c']);
    expect(removed).toEqual(['init/main.c']);
    expect(readFileSync(join(tree, 'Makefile'), 'utf8')).toBe('VERSION = 7\n');
    expect(files(tree)).toEqual(files(source));
  });

  it('copies from another file system', async () => {
    // /dev/shm is one wherever tests run; if it were not, links would be made.
    const elsewhere = mkdtempSync('/dev/shm/ksplice-mirror-');
    try {
      const { copied } = await syncMirror(source, elsewhere, join(area, 'index'), silentUi);
      const otherDevice = statSync(elsewhere).dev !== statSync(source).dev;
      expect(copied).toBe(otherDevice ? 3 : 0);
      expect(files(elsewhere)).toEqual(files(source));
      const again = await syncMirror(source, elsewhere, join(area, 'index'), silentUi);
      expect(again.changed).toEqual([]);
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });

  it('stops on a signal and goes on from there', async () => {
    const stopped = { ...silentUi, signal: AbortSignal.abort() };
    await expect(syncMirror(source, tree, join(area, 'index'), stopped)).rejects.toThrow(
      KspliceError,
    );
    expect(existsSync(join(area, 'index'))).toBe(false);
    await sync();
    expect(files(tree)).toEqual(files(source));
  });
});
