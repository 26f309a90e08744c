// A set: made for several kernels, of which one is refused, and applied and installed on a host, which
// finds its own update in it.

import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { withGuest } from './harness/index.js';
import { examplePatch, kspliceFails, kspliceIn, kspliceModules, ROOT } from './ksplice.js';
import { Workshop } from './workshop.js';

const kernel = await testKernel();

describe('a set', () => {
  let set: string;
  let id: string;

  beforeAll(async () => {
    const { folder, confdir } = await Workshop.open(kernel, 'set');
    const kernels = join(folder, 'kernels');
    await cp(confdir, join(kernels, 'whole'), { recursive: true, verbatimSymlinks: true });
    await cp(confdir, join(kernels, 'bare'), { recursive: true, verbatimSymlinks: true });
    await rm(join(kernels, 'bare', 'image'));
    const tool = join(ROOT, 'bin', 'ksplice-ts.js');
    const words = [
      '--patch',
      examplePatch('tcp'),
      '--configs',
      kernels,
      '--fixes',
      'CVE-2026-1234',
    ];
    const place = ['--id', 'vmset', '--output', folder, '--json'];
    const made = await execa(process.execPath, [tool, 'create', ...words, ...place], {
      reject: false,
    });
    // One of two kernels was refused.
    expect({ status: made.exitCode, said: made.stdout }).toMatchObject({ status: 3 });
    const { directory, kernels: results } = JSON.parse(made.stdout);
    expect(results).toMatchObject([
      { release: kernel.release, outcome: 'refused', error: { code: 'no-image' } },
      { release: kernel.release, outcome: 'made', update: { fixes: { cves: ['CVE-2026-1234'] } } },
    ]);
    set = directory;
    id = results[1].update.id;
    expect(id).toMatch(/^vmset[a-z0-9]{5}$/);
    expect((await readdir(set)).sort()).toEqual([
      expect.stringMatching(new RegExp(`^${kernel.release}-[0-9a-f]{8}$`)),
      'SHA256SUMS',
      'index.json',
    ]);
    await execa('sha256sum', ['-c', 'SHA256SUMS'], { cwd: set });
    // What is there already stays as it is.
    const again = await execa(process.execPath, [tool, 'create', ...words, ...place], {
      reject: false,
    });
    expect({ status: again.exitCode, said: again.stdout }).toMatchObject({
      status: 2,
      said: expect.stringContaining('is there already'),
    });
  });

  it('is applied and installed by the kernel that it is for', async () => {
    const altered = `${set}-altered`;
    await rm(altered, { recursive: true, force: true });
    await cp(set, altered, { recursive: true });
    const index = await readFile(join(set, 'index.json'), 'utf8');
    await writeFile(join(altered, 'index.json'), index.replace('CVE-2026-1234', 'CVE-2026-9999'));
    await withGuest({ name: 'set', kernel }, async (guest) => {
      await guest.ok(
        'mkdir -p /var/lib/ksplice && mount -t tmpfs -o mode=700 none /var/lib/ksplice',
      );
      for (const command of ['apply', 'install']) {
        expect(await kspliceFails(guest, `${command} ${altered}`)).toMatchObject({
          code: 'bad-set',
          message: expect.stringContaining('index.json was altered or damaged'),
        });
      }
      expect(await kspliceModules(guest)).toEqual([]);
      expect(await kspliceIn(guest, 'list')).toMatchObject({ updates: [] });

      expect(await kspliceIn(guest, `install ${set}`)).toMatchObject({ id, changed: true });
      expect(await kspliceIn(guest, `apply ${set}`)).toMatchObject({ id, stage: 'applied' });
      expect(await kspliceIn(guest, 'status')).toMatchObject({
        updates: [{ id, stage: 'applied', installed: true }],
        fixes: { cves: ['CVE-2026-1234'] },
        verdict: 'good',
      });
      await kspliceIn(guest, `undo ${id}`);
    });
  });
});
