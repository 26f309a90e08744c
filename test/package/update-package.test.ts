import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { buildPackage } from '../../src/package/deb.js';
import { kernelVersionIn } from '../../src/package/kernel-versions.js';
import { updatePackage } from '../../src/package/update-package.js';
import { readUpdate } from '../../src/update/read.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from '../update/sample.js';

const { signal } = new AbortController();
const OPTIONS = { kernelVersion: '1.2.3-4', revision: 1, maintainer: 'A <a@example.org>' };

async function sample(where: string, more = {}) {
  const { directory } = await makeSample(where, { id: 'a1', targets: ['vmlinux'], ...more });
  const archive = path.join(where, 'ksplice-a1.tar.gz');
  await writeUpdate(directory, archive);
  return { update: await readUpdate(archive), archive: readFileSync(archive) };
}

const field = async (deb: string, name: string) =>
  (await execa('dpkg-deb', ['--field', deb, name])).stdout;

describe('the package of an update', () => {
  it('needs the very kernel, carries the archive as it is, and is the same each time', () =>
    withDirectory(async (where) => {
      const fixes = 'CVE-2026-1234\nCVE-2026-1235\nupstream 0123456789abcdef\n';
      const { update, archive } = await sample(where, { on: ['b2'], fixes });
      const plan = updatePackage(update, archive, OPTIONS);
      const deb = await buildPackage(plan, path.join(where, 'one'), signal);
      expect(path.basename(deb)).toBe('ksplice-update-a1_1_amd64.deb');
      expect(await field(deb, 'Pre-Depends')).toBe(
        `linux-image-${update.kernel.release} (= 1.2.3-4) | linux-image-${update.kernel.release}-unsigned (= 1.2.3-4)`,
      );
      expect(await field(deb, 'Depends')).toBe('ksplice-ts-host, ksplice-update-b2');
      const description = await field(deb, 'Description');
      expect(description).toMatch(/^hot patch: a change for tests\n/);
      expect(description).toContain('\n It fixes CVE-2026-1234, CVE-2026-1235.\n');
      const root = path.join(where, 'root');
      await execa('dpkg-deb', ['--raw-extract', deb, root]);
      const carried = path.join(root, 'usr/share/ksplice/updates/ksplice-a1.tar.gz');
      expect(readFileSync(carried).equals(archive)).toBe(true);
      for (const script of ['preinst', 'postinst', 'prerm', 'postrm']) {
        await execa('sh', ['-n', path.join(root, 'DEBIAN', script)]);
      }
      const again = await buildPackage(plan, path.join(where, 'two'), signal);
      expect(readFileSync(again).equals(readFileSync(deb))).toBe(true);
    }));

  it('is configured where its update is withdrawn, and nowhere else where the tool refuses', () =>
    withDirectory(async (where) => {
      const { update, archive } = await sample(where);
      const script = updatePackage(update, archive, OPTIONS).scripts.postinst!;
      const configured = async (status: number) => {
        const tool = path.join(where, 'ksplice-ts');
        await writeFile(tool, `#!/bin/sh\nexit ${status}\n`, { mode: 0o755 });
        const env = { PATH: `${where}:${process.env.PATH}` };
        const options = { env, input: script, reject: false };
        return execa('sh', ['-s', 'configure'], options);
      };
      expect(await configured(11)).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining('until ksplice-ts clear a1'),
      });
      expect(await configured(1)).toMatchObject({ exitCode: 1 });
    }));

  it('names both packages of a kernel that is in two', () =>
    withDirectory(async (where) => {
      const { update, archive } = await sample(where, { release: '7.0.1-amd64' });
      expect(updatePackage(update, archive, OPTIONS).control['Pre-Depends']).toBe(
        'linux-binary-7.0.1-amd64 (= 1.2.3-4) | linux-binary-unsigned-7.0.1-amd64 (= 1.2.3-4), linux-modules-7.0.1-amd64 (= 1.2.3-4)',
      );
    }));

  it('refuses what is no version', () =>
    withDirectory(async (where) => {
      const { update, archive } = await sample(where);
      const odd = { ...OPTIONS, kernelVersion: '1), bash (= 2' };
      expect(() => updatePackage(update, archive, odd)).toThrow('is no version of a package');
      expect(kernelVersionIn('#1 SMP Debian 1.2.3-4 (2026-01-01)')).toBe('1.2.3-4');
      expect(() => kernelVersionIn('#1 SMP')).toThrow('does not say the version');
    }));
});
