import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { readArchived } from '../../src/package/archived.js';
import { kernelVersions } from '../../src/package/kernel-versions.js';
import { CHECKSUMS, formatChecksums } from '../../src/update/checksums.js';
import { NO_FIXES } from '../../src/update/fixes.js';
import { formatIndex, INDEX } from '../../src/update/set.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from '../update/sample.js';

const KERNELS = [
  { release: '6.1.0-a-amd64', buildId: 'aa'.repeat(20) },
  { release: '6.1.0-b-amd64', buildId: 'bb'.repeat(20) },
];

/** A set with an update for each kernel. */
async function makeSet(where: string): Promise<string> {
  const set = path.join(where, 'ksplice-set-s1');
  const updates = [];
  for (const [at, kernel] of KERNELS.entries()) {
    const id = `s1${at}`;
    const { directory } = await makeSample(where, { id, targets: ['vmlinux'], ...kernel });
    const file = `${kernel.release}/ksplice-${id}.tar.gz`;
    mkdirSync(path.join(set, kernel.release), { recursive: true });
    await writeUpdate(directory, path.join(set, file));
    const sha256 = createHash('sha256')
      .update(readFileSync(path.join(set, file)))
      .digest('hex');
    updates.push({ ...kernel, id, file, sha256, fixes: NO_FIXES });
  }
  const about = { id: 's1', created: '2026-01-02T03:04:05Z', description: 'd', fixes: NO_FIXES };
  const index = Buffer.from(formatIndex({ format: 1, ...about, updates, others: [] }));
  writeFileSync(path.join(set, INDEX), index);
  writeFileSync(path.join(set, CHECKSUMS), formatChecksums(new Map([[INDEX, index]])));
  return set;
}

describe('what packages are made of', () => {
  it('is an archive, or all archives of a set', () =>
    withDirectory(async (where) => {
      const set = await makeSet(where);
      const all = await readArchived(set);
      expect(all.map(({ update }) => [update.id, update.kernel.release])).toEqual([
        ['s10', '6.1.0-a-amd64'],
        ['s11', '6.1.0-b-amd64'],
      ]);
      const one = path.join(set, '6.1.0-b-amd64', 'ksplice-s11.tar.gz');
      expect(all[1]?.archive.equals(readFileSync(one))).toBe(true);
      expect(await readArchived(one)).toEqual([all[1]]);
      await expect(readArchived(path.join(where, 'ksplice-s10'))).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining('is a directory, and no set'),
      });
      // What is not the set's own gets into no package.
      writeFileSync(one, readFileSync(path.join(set, '6.1.0-a-amd64', 'ksplice-s10.tar.gz')));
      await expect(readArchived(set)).rejects.toMatchObject({ code: 'bad-archive' });
    }));

  it('has one version of the kernel by hand, or that of each image', () =>
    withDirectory(async (where) => {
      const updates = (await readArchived(await makeSet(where))).map(({ update }) => update);
      const [first] = updates as [(typeof updates)[0]];
      const sources = { images: [], version: '6.1-1' };
      expect(await kernelVersions([first], sources, silentUi)).toEqual(['6.1-1']);
      await expect(kernelVersions(updates, sources, silentUi)).rejects.toMatchObject({
        code: 'usage',
        message: '--kernel-version is for one kernel, and the updates are for 2',
      });
      await expect(
        kernelVersions(updates, { images: [], version: undefined }, silentUi),
      ).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('nothing says') });
    }));
});
