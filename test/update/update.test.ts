import { readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { list } from 'tar';
import { describe, expect, it } from 'vitest';
import type { KspliceError, Problem } from '../../src/base/errors.js';
import { readUpdate } from '../../src/update/read.js';
import { API_VERSION, programOf } from '../../src/update/update.js';
import { writeUpdate } from '../../src/update/write.js';
import {
  compileModule,
  makeSample,
  RELEASE,
  type Sample,
  sealSample,
  withDirectory,
} from './sample.js';

/** The message of every problem that reading (or writing) an update ends with. */
async function problemsOf(action: Promise<unknown>): Promise<string[]> {
  try {
    await action;
  } catch (error) {
    const { name, code, details } = error as KspliceError;
    expect({ name, code }).toEqual({ name: 'KspliceError', code: 'bad-update' });
    return (details as { problems: Problem[] }).problems.map((problem) => problem.message);
  }
  throw new Error('the update was accepted');
}

async function filesOf(sample: Sample): Promise<string[]> {
  const names = await readdir(sample.directory, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && entry.name !== 'SHA256SUMS')
    .map((entry) => path.relative(sample.directory, path.join(entry.parentPath, entry.name)));
}

describe('an update', () => {
  it('is read from a tarball and from a directory alike', async () => {
    await withDirectory(async (where) => {
      const sample = await makeSample(where, { on: ['lower1', 'lower2'], behindInit: 'helper' });
      const archive = path.join(where, 'out.tar.gz');
      const written = await writeUpdate(sample.directory, archive);
      const [packed, unpacked] = [await readUpdate(archive), await readUpdate(sample.directory)];
      expect(packed).toMatchObject({
        id: sample.id,
        contents: sample.contents,
        description: 'a change for tests',
        timestamp: '2026-01-02T03:04:05Z',
        kernel: { system: 'Linux', release: RELEASE, machine: 'x86_64' },
        apiVersion: API_VERSION,
        report: { objects: [] },
      });
      expect(packed.patch).toContain('+new\n');
      expect([...packed.files].sort()).toEqual([...unpacked.files].sort());
      expect([...written.files].sort()).toEqual([...packed.files].sort());
      for (const change of packed.contents.changes) {
        expect(programOf(packed, change).toString('latin1', 0, 4)).toBe('KSPM');
      }
    });
  });

  it('is written the same, byte for byte, again and elsewhere', async () => {
    await withDirectory(async (where) => {
      const sample = await makeSample(where);
      const [one, two] = [path.join(where, 'one.tar.gz'), path.join(where, 'two.tar.gz')];
      await writeUpdate(sample.directory, one);
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      await writeUpdate(sample.directory, two);
      expect(await readFile(two)).toEqual(await readFile(one));
      const members: string[] = [];
      await list({ file: one, onReadEntry: (entry) => members.push(entry.path) });
      expect(members).toEqual([...members].sort());
      expect(members).toContain(`ksplice-${sample.id}/debug/report.json`);
      expect(await readdir(where)).toHaveLength(3);
    });
  });

  it('is not written when apply would refuse it, and the old archive stays', async () => {
    await withDirectory(async (where) => {
      const sample = await makeSample(where);
      const archive = path.join(where, 'out.tar.gz');
      await writeFile(archive, 'old');
      await rm(path.join(sample.directory, 'patch'));
      expect(await problemsOf(writeUpdate(sample.directory, archive))).toEqual([
        'patch is missing',
      ]);
      expect(await readFile(archive, 'utf8')).toBe('old');
    });
  });
});

describe('a bad update', () => {
  it('names every file that was altered, is missing, or is not listed', async () => {
    await withDirectory(async (where) => {
      const sample = await makeSample(where);
      await sealSample(sample, await filesOf(sample));
      const inside = (name: string) => path.join(sample.directory, name);
      await writeFile(inside('patch'), 'another');
      await rm(inside('description'));
      await writeFile(inside('extra'), 'x');
      expect(await problemsOf(readUpdate(sample.directory))).toEqual([
        'description is missing',
        'patch was altered or damaged',
        'extra is not in SHA256SUMS',
      ]);
    });
  });

  it('has nothing in it that leads elsewhere', async () => {
    await withDirectory(async (where) => {
      const sample = await makeSample(where);
      const inside = (name: string) => path.join(sample.directory, name);
      await rm(inside('patch'));
      await symlink('/etc/passwd', inside('patch'));
      expect(await problemsOf(readUpdate(sample.directory))).toEqual([
        'patch is neither a file nor a directory',
      ]);
    });
  });

  describe('with sound checksums', () => {
    const rows: [string, (inside: (name: string) => string) => Promise<unknown>, string][] = [
      [
        'built for another release',
        (inside) =>
          compileModule(inside('ksplice_abc12345_sctp_new.ko'), 'ksplice_abc12345_sctp_new', {
            release: '6.1.0-other',
          }),
        `ksplice_abc12345_sctp_new.ko was built for kernel "6.1.0-other", the update is for ${RELEASE}`,
      ],
      [
        'with a module of another name',
        (inside) => compileModule(inside('ksplice.ko'), 'evil'),
        'ksplice.ko is module "evil", contents calls it ksplice',
      ],
      [
        'whose module is no ELF file',
        (inside) => writeFile(inside('ksplice.ko'), 'no module'),
        'no ELF header',
      ],
      [
        'whose module is cut off',
        async (inside) =>
          writeFile(inside('ksplice.ko'), (await readFile(inside('ksplice.ko'))).subarray(0, 700)),
        'ksplice.ko',
      ],
      [
        'without a match program',
        (inside) =>
          compileModule(inside('ksplice_abc12345_sctp_old.ko'), 'ksplice_abc12345_sctp_old'),
        'ksplice_abc12345_sctp_old.ko has no match program',
      ],
      [
        'for another core',
        (inside) => writeFile(inside('api-version'), '99\n'),
        `it is for version 99 of the core's interface, and this program has version ${API_VERSION}`,
      ],
      [
        'with a path for a module',
        (inside) => writeFile(inside('contents'), 'core ksplice ../ksplice.ko\n'),
        '"../ksplice.ko" in contents is no name of a module file',
      ],
      [
        'with a line that contents cannot have',
        (inside) => writeFile(inside('contents'), 'run rm -rf /\n'),
        'line 1 of contents is neither a core, an on, a change nor a live line',
      ],
      [
        'that is on itself',
        (inside) => writeFile(inside('contents'), 'core ksplice ksplice.ko\non abc12345\n'),
        'update abc12345 cannot be on "abc12345", as contents says',
      ],
      [
        'on what cannot be an update',
        (inside) => writeFile(inside('contents'), 'core ksplice ksplice.ko\non ../x\n'),
        'update abc12345 cannot be on "../x", as contents says',
      ],
      [
        'with a target that has to be live for what is no symbol',
        (inside) =>
          writeFile(
            inside('contents'),
            'core ksplice ksplice.ko\n' +
              'change sctp ksplice_abc12345_n n.ko ksplice_abc12345_o o.ko\nlive sctp \x1b[2J\n',
          ),
        '"\\u001b[2J" in contents is no symbol',
      ],
      [
        "with another update's modules",
        (inside) =>
          writeFile(
            inside('contents'),
            'core ksplice ksplice.ko\nchange vmlinux ksplice_other_n n.ko ksplice_other_o o.ko\n',
          ),
        'module ksplice_other_n in contents does not belong to update abc12345',
      ],
      [
        'for another machine',
        (inside) => writeFile(inside('utsname'), `Linux ${RELEASE} aarch64\n`),
        'utsname says "Linux aarch64", but updates are for Linux x86_64',
      ],
      [
        'with a time that is none',
        (inside) => writeFile(inside('timestamp'), ''),
        'timestamp says "", which is not a time',
      ],
    ];
    it.each(rows)('%s is refused', async (_what, spoil, expected) => {
      await withDirectory(async (where) => {
        const sample = await makeSample(where);
        await spoil((name) => path.join(sample.directory, name));
        await sealSample(sample, await filesOf(sample));
        const problems = await problemsOf(readUpdate(sample.directory));
        expect(problems.join('\n')).toContain(expected);
      });
    });
  });

  it('is refused when its directory has another name', async () => {
    await withDirectory(async (where) => {
      const sample = await makeSample(where);
      const renamed = path.join(where, 'something');
      await rename(sample.directory, renamed);
      await expect(readUpdate(renamed)).rejects.toMatchObject({ code: 'bad-update' });
    });
  });

  it('that is not there, or no file at all, is said to be so', async () => {
    await expect(readUpdate('/nonexistent/x')).rejects.toMatchObject({ code: 'io' });
    await expect(readUpdate('/dev/zero')).rejects.toMatchObject({ code: 'io' });
  });
});
