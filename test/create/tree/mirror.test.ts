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
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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

  it.each(['1:2:3 ../precious', '1:2:3 /precious', 'Makefile', '\0\0\0\0'])(
    'makes the mirror again if its index has the line %j',
    async (line) => {
      await sync();
      writeFileSync(join(area, 'precious'), '');
      appendFileSync(join(tree, 'Makefile.stray'), '');
      appendFileSync(join(area, 'index'), `${line}\n`);
      rmSync(join(area, 'index.picture'));
      const { changed, removed } = await sync();
      expect(removed).toEqual([]);
      expect(changed).toHaveLength(3);
      expect(existsSync(join(area, 'precious'))).toBe(true);
      expect(files(tree)).toEqual(files(source));
    },
  );

  it('does not believe a damaged picture', async () => {
    await sync();
    const picture = readFileSync(join(area, 'index.picture'), 'utf8').split(' ')[0];
    for (const text of ['', `${picture}`, `${picture} many`, `${picture} 3 3`]) {
      writeFileSync(join(area, 'index.picture'), text);
      expect(await sync()).toEqual({ changed: [], removed: [], files: 3, copied: 0 });
    }
  });

  it.each([
    [
      'a file of the same size and time is put in the place of another',
      () => {
        const place = join(source, 'kernel/fork.c');
        put('kernel/new.c', 'int Fork;\n');
        renameSync(join(source, 'kernel/new.c'), place);
        utimesSync(place, 1e9, 1e9);
      },
      ['kernel/fork.c'],
    ],
    [
      'a file is written to in its place',
      () => appendFileSync(join(source, 'Makefile'), '#'),
      ['Makefile'],
    ],
    ['a file turns out to be a product', () => put('kernel/.fork.c.cmd', ''), []],
    [
      'a link leads elsewhere',
      () => {
        rmSync(join(source, 'link'));
        symlinkSync('include', join(source, 'link'));
      },
      ['link'],
    ],
    ['a file becomes a program', () => chmodSync(join(source, 'program'), 0o755), []],
  ])('sees that %s', async (_, change, expected) => {
    symlinkSync('kernel', join(source, 'link'));
    copyFileSync('/bin/true', join(source, 'program'));
    chmodSync(join(source, 'program'), 0o644);
    utimesSync(join(source, 'kernel/fork.c'), 1e9, 1e9);
    await sync();
    expect(existsSync(join(area, 'index.picture'))).toBe(true);
    const before = await sync();
    expect(before).toEqual({ changed: [], removed: [], files: 5, copied: 0 });
    change();
    const after = await sync();
    expect(after.changed).toEqual(expected);
    expect(after.removed).toHaveLength(expected.length === 0 ? 1 : 0);
    if (after.removed.length === 0) expect(files(tree)).toEqual(files(source));
  });

  it.each(['drivers/net/tun.c', 'net/drivers/tun.c', 'drivers.c'])(
    'sees a change of %s, where two look at the tree',
    async (path) => {
      // Its name is a pattern that its own path does not fit.
      source = join(area, 'so[ur]ce*');
      for (const file of ['drivers/net/tun.c', 'net/drivers/tun.c', 'drivers.c']) put(file, '');
      await sync();
      expect(existsSync(join(area, 'index.picture'))).toBe(true);
      expect(await sync()).toMatchObject({ changed: [], files: 3 });
      appendFileSync(join(source, path), 'int changed;\n');
      expect((await sync()).changed).toEqual([path]);
    },
  );

  it('looks no further where nothing has changed, and goes on without find', async () => {
    put('.git/index', '');
    await sync();
    // An index that the walk would not take for right.
    writeFileSync(join(area, 'index'), '');
    put('.git/index', 'others');
    expect(await sync()).toMatchObject({ changed: [], files: 3 });
    vi.stubEnv('PATH', join(area, 'nothing'));
    try {
      expect((await sync()).changed).toHaveLength(3);
      expect(existsSync(join(area, 'index.picture'))).toBe(false);
      expect((await sync()).changed).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
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
