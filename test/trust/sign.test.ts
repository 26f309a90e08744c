// The ways in which an update gets its signature, with the real ssh-keygen and ssh-agent.

import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { command } from '../../src/cli/commands/package.js';
import { signUpdate } from '../../src/trust/sign-update.js';
import { readTrusted } from '../../src/trust/trusted.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from '../update/sample.js';

interface Place {
  readonly where: string;
  readonly archive: string;
  /** The private key's file; the public one is beside it. */
  readonly key: string;
  readonly trustOf: (archive: string) => Promise<unknown>;
}

const withUpdate = (use: (place: Place) => Promise<void>) =>
  withDirectory(async (where) => {
    const key = path.join(where, 'key');
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const etc = path.join(where, 'etc');
    await mkdir(etc, { mode: 0o700 });
    const signers = `alice@example.org ${await readFile(`${key}.pub`, 'utf8')}`;
    await writeFile(path.join(etc, 'trusted_signers'), signers, { mode: 0o600 });
    const { directory } = await makeSample(where, { targets: ['vmlinux'] });
    const archive = path.join(where, 'ksplice-abc12345.tar.gz');
    await writeUpdate(directory, archive);
    const places = { trust: etc, run: path.join(where, 'run') };
    const trustOf = async (file: string) => (await readTrusted(file, places)).trust;
    await use({ where, archive, key, trustOf });
  });

const BY_ALICE = { state: 'signed', signer: 'alice@example.org' };

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('an update is signed', () => {
  it('by a key that only ssh-agent has', () =>
    withUpdate(async ({ where, archive, key, trustOf }) => {
      const socket = path.join(where, 'agent');
      const agent = execa('ssh-agent', ['-D', '-a', socket], { reject: false });
      try {
        vi.stubEnv('SSH_AUTH_SOCK', socket);
        await vi.waitFor(() => execa('ssh-add', ['-q', key]), { timeout: 30_000 });
        await rm(key);
        expect(await trustOf(archive)).toEqual({ state: 'unsigned' });
        await signUpdate(archive, `${key}.pub`);
        expect(await trustOf(archive)).toMatchObject(BY_ALICE);
      } finally {
        agent.kill();
        await agent;
      }
      // Without the agent nobody signs, and what is there stays.
      const before = await readFile(archive);
      await expect(signUpdate(archive, `${key}.pub`)).rejects.toMatchObject({
        code: 'command-failed',
        message: expect.stringContaining('did not sign'),
      });
      expect((await readFile(archive)).equals(before)).toBe(true);
    }));

  it('in its package, while its own tarball stays as it is', () =>
    withUpdate(async ({ where, archive, key, trustOf }) => {
      const before = await readFile(archive);
      const options = { 'kernel-version': '1.2.3-4', maintainer: 'A <a@example.org>', revision: 1 };
      const args = { updates: [archive], 'sign-with': key, output: where, ...options };
      await command.run(args, silentUi);
      expect((await readFile(archive)).equals(before)).toBe(true);
      const root = path.join(where, 'root');
      const deb = path.join(where, 'ksplice-update-abc12345_1_amd64.deb');
      await execa('dpkg-deb', ['--extract', deb, root]);
      const carried = path.join(root, 'usr/share/ksplice/updates/ksplice-abc12345.tar.gz');
      expect(await trustOf(carried)).toMatchObject(BY_ALICE);
    }));

  it('as an archive, and not as anything else', () =>
    withUpdate(async ({ where, archive, key }) => {
      const other = path.join(where, 'update.tgz');
      await copyFile(archive, other);
      await expect(signUpdate(other, key)).rejects.toMatchObject({ code: 'usage' });
    }));
});
