// Hostile and damaged archives. They are put together header by header, because
// the tools that write archives refuse to write most of these.

import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Header, Pax } from 'tar';
import { describe, expect, it } from 'vitest';
import type { KspliceError, Problem } from '../../src/base/errors.js';
import { readArchive, SIZE_LIMIT } from '../../src/update/archive.js';

interface Entry {
  path: string;
  type?: string;
  body?: Buffer;
  linkpath?: string;
  /** Claimed in the header instead of the body's length. */
  size?: number;
}

function tarOf(entries: readonly Entry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { path, type = 'File', body = Buffer.alloc(0), linkpath, size } of entries) {
    const header = new Header({
      path,
      type: type as 'File',
      size: size ?? body.length,
      mode: 0o644,
      mtime: new Date(0),
      ...(linkpath === undefined ? {} : { linkpath }),
    });
    if (header.needPax || path.length > 99) {
      blocks.push(new Pax({ path, size: size ?? body.length }).encode());
    }
    header.encode();
    blocks.push(header.block as Buffer, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const archiveOf = (...entries: Entry[]) => gzipSync(tarOf(entries));
const good: Entry = { path: 'ksplice-a1/contents', body: Buffer.from('core\n') };

async function refusal(data: Buffer): Promise<KspliceError> {
  try {
    await readArchive(data, 'x.tar.gz');
  } catch (error) {
    return error as KspliceError;
  }
  throw new Error('the archive was accepted');
}

function messagesOf(error: KspliceError): string[] {
  return (error.details as { problems: Problem[] }).problems.map((problem) => problem.message);
}

describe('readArchive', () => {
  it('reads files, in directories or not, by their path in the update', async () => {
    const body = randomBytes(100_000);
    const { id, files } = await readArchive(
      archiveOf(
        { path: 'ksplice-a1/', type: 'Directory' },
        good,
        { path: 'ksplice-a1/debug/', type: 'Directory' },
        { path: 'ksplice-a1/debug/report.json', body },
      ),
      'x.tar.gz',
    );
    expect(id).toBe('a1');
    expect([...files.keys()]).toEqual(['contents', 'debug/report.json']);
    expect(files.get('debug/report.json')).toEqual(body);
    expect(files.get('contents')?.toString()).toBe('core\n');
  });

  it.each<[string, Entry, RegExp]>([
    ['a path out of the archive', { path: 'ksplice-a1/../../etc/x' }, /leads out of the archive/],
    ['an absolute path', { path: '/etc/passwd' }, /is absolute/],
    [
      'a symbolic link',
      { path: 'ksplice-a1/l', type: 'SymbolicLink', linkpath: '/etc/shadow' },
      /is a SymbolicLink/,
    ],
    [
      'a hard link',
      { path: 'ksplice-a1/l', type: 'Link', linkpath: 'ksplice-a1/contents' },
      /is a Link/,
    ],
    ['a device', { path: 'ksplice-a1/d', type: 'CharacterDevice' }, /is a CharacterDevice/],
    ['a block device', { path: 'ksplice-a1/d', type: 'BlockDevice' }, /is a BlockDevice/],
    [
      'a sparse file',
      { path: 'ksplice-a1/s', type: 'SparseFile' },
      /is a (SparseFile|Unsupported)/,
    ],
    ['a name that is a file already', { path: 'ksplice-a1/contents/x' }, /both a file and a dir/],
    ["a directory of a file's name", { path: 'ksplice-a1/contents/', type: 'Directory' }, /both a/],
    ['a pipe', { path: 'ksplice-a1/p', type: 'FIFO' }, /is a FIFO/],
    ['the same name twice', good, /there more than once/],
    ['a foreign top directory', { path: 'other/contents' }, /not in the update's directory/],
    ["another update's directory", { path: 'ksplice-b2/contents' }, /not in the update's directo/],
    ['a file beside the directory', { path: 'ksplice-a1x' }, /not in the update's directory/],
    ['an over-long name', { path: `ksplice-a1/${'n'.repeat(300)}` }, /is too long/],
    ['control characters', { path: 'ksplice-a1/\x1b[2J' }, /\\u001b\[2J" is odd/],
    ['a hidden name', { path: 'ksplice-a1/.x' }, /is odd/],
  ])('refuses %s', async (_what, entry, message) => {
    const error = await refusal(archiveOf(good, entry));
    expect(error.code).toBe('bad-archive');
    expect(error.message).toMatch(message);
    expect(error.advice).not.toBe('');
  });

  it('tells everything that is wrong at once', async () => {
    const error = await refusal(
      archiveOf({ path: '/a' }, { path: 'ksplice-a1/../b' }, { path: 'c', type: 'FIFO' }),
    );
    expect(messagesOf(error)).toHaveLength(3);
  });

  it('refuses an archive that is no gzip file, and an empty one', async () => {
    expect((await refusal(tarOf([good]))).message).toMatch(/not a gzip archive/);
    expect((await refusal(Buffer.alloc(0))).message).toMatch(/not a gzip archive/);
    expect((await refusal(archiveOf())).message).toMatch(/not hold a tar archive/);
  });

  it('refuses one that unpacks to far more than an update can be', async () => {
    const bomb = gzipSync(Buffer.alloc(SIZE_LIMIT + 1024 * 1024));
    expect(bomb.length).toBeLessThan(1024 * 1024);
    const error = await refusal(bomb);
    expect(error.code).toBe('bad-archive');
    expect(error.message).toMatch(/would unpack to more than/);
  });

  it('does not decompress twice', async () => {
    const twice = gzipSync(gzipSync(tarOf([good])));
    expect((await refusal(twice)).message).toMatch(/not hold a tar archive/);
  });

  it('refuses a member that claims to be longer than the archive', async () => {
    for (const size of [5_000, 2 ** 40]) {
      const error = await refusal(archiveOf({ ...good, size }));
      expect(error.code).toBe('bad-archive');
    }
  });

  it('refuses more entries than an update can have', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => ({ path: `ksplice-a1/f${i}` }));
    expect((await refusal(archiveOf(...many))).message).toMatch(/more than 4096 entries/);
  });

  it('refuses an archive cut anywhere', async () => {
    const whole = archiveOf(good, { path: 'ksplice-a1/x', body: randomBytes(3_000) });
    for (let length = 0; length < whole.length; length += 97) {
      expect((await refusal(whole.subarray(0, length))).code).toBe('bad-archive');
    }
  });

  it('refuses or reads, but never breaks on, an archive with any byte changed', async () => {
    const tar = tarOf([good, { path: 'ksplice-a1/x', body: randomBytes(700) }]);
    for (let at = 0; at < tar.length; at += 13) {
      const changed = Buffer.from(tar);
      changed[at] = (changed[at] as number) ^ 0xff;
      await readArchive(gzipSync(changed), 'x').catch((error) => {
        expect(error).toMatchObject({ name: 'KspliceError', code: 'bad-archive' });
      });
    }
  });
});
