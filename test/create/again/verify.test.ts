// What verify sees between two updates; test/real/create.test.ts has it make one again.

import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { differences } from '../../../src/create/again/verify.js';
import { SIGNATURE } from '../../../src/update/checksums.js';
import { readUpdate } from '../../../src/update/read.js';
import type { Update } from '../../../src/update/update.js';
import { writeUpdate } from '../../../src/update/write.js';
import { makeSample, withDirectory } from '../../update/sample.js';

const said = (one: Update, other: Update) => differences(one, other).map(({ message }) => message);

it('sees files that are others, missing and further ones', () =>
  withDirectory(async (where) => {
    const { directory, contents } = await makeSample(where, { targets: ['vmlinux'] });
    const written = async (name: string, change: (at: string) => Promise<void>) => {
      const copy = path.join(where, name, path.basename(directory));
      await cp(directory, copy, { recursive: true });
      await change(copy);
      const archive = path.join(where, `${name}.tar.gz`);
      await writeUpdate(copy, archive);
      return readUpdate(archive);
    };
    const plain = await written('plain', async () => {});
    expect(said(plain, plain)).toEqual([]);
    const other = await written('other', async (at) => {
      await writeFile(path.join(at, 'patch'), '--- a/x.c\n+++ b/x.c\n');
      await writeFile(path.join(at, 'debug/more'), '');
      await rm(path.join(at, 'debug/report.json'));
    });
    expect(said(plain, other)).toEqual([
      'debug/more is missing in it',
      'debug/report.json is only in it',
      'patch is another',
    ]);
    // Only who has a key can make a signature.
    const signed = await written('signed', (at) => writeFile(path.join(at, SIGNATURE), 'x'));
    expect(said(signed, plain)).toEqual([]);
    const [{ newCode }] = contents.changes as [(typeof contents.changes)[number]];
    const withOne = await written('module', async (at) => {
      const end = Buffer.alloc(12 + 5);
      end.write('abcde');
      end.writeUInt32BE(5, 13);
      const module = plain.files.get(newCode.file)!;
      const marker = Buffer.from('~Module signature appended~\n');
      await writeFile(path.join(at, newCode.file), Buffer.concat([module, end, marker]));
    });
    expect(said(withOne, plain)).toEqual([]);
  }));
