// Who may bring what to a real host: the rules in /etc/ksplice, the real ssh-keygen, and a kernel that
// has nothing of an update which is refused.

import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { testKernel } from '../kernels/kernel.js';
import { type Guest, withGuest } from './harness/index.js';
import { examplePatch, kspliceFails, kspliceIn, kspliceModules } from './ksplice.js';
import { Workshop } from './workshop.js';

const kernel = await testKernel();
const ID = 'trusttest';

describe('the rules of a host', () => {
  let folder: string;
  let archive: string;
  let publicKey: string;

  /** The update unpacked in a folder of its own, and changed. */
  const altered = async (name: string, change: (directory: string) => Promise<unknown>) => {
    const directory = join(folder, name, `ksplice-${ID}`);
    await mkdir(join(folder, name), { recursive: true });
    await cp(join(folder, `ksplice-${ID}`), directory, { recursive: true });
    await change(directory);
    return directory;
  };

  beforeAll(async () => {
    const workshop = await Workshop.open(kernel, 'trust');
    ({ folder } = workshop);
    const key = join(folder, 'key');
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
    publicKey = (await readFile(`${key}.pub`, 'utf8')).trim();
    const patch = await readFile(examplePatch('tcp'), 'utf8');
    archive = await workshop.create(ID, patch, '--sign-with', key);
    await execa('tar', ['-xzf', archive, '-C', folder]);
  });

  it('decide what is applied, installed and applied at boot', async () => {
    const unsigned = await altered('unsigned', (at) => rm(join(at, 'SHA256SUMS.sig')));
    const tampered = await altered('tampered', (at) => writeFile(join(at, 'description'), 'x\n'));
    const forOther = await altered('for-other', async (at) => {
      await rm(join(at, 'SHA256SUMS.sig'));
      const words = ['-q', '-Y', 'sign', '-n', 'file', '-f', join(folder, 'key')];
      await execa('ssh-keygen', [...words, join(at, 'SHA256SUMS')]);
    });
    const required = '{"require-signature": true, "max-stop-ms": 30000}\n';
    const alice = `alice@example.org ${publicKey}\n`;
    const expired = `alice@example.org valid-before="20200101" ${publicKey}\n`;
    await withGuest({ name: 'trust', kernel }, async (guest) => {
      await guest.ok(
        'mkdir -p /etc/ksplice /var/lib/ksplice && mount -t tmpfs -o mode=700 none /var/lib/ksplice',
      );
      const rules = (policy: string, signers: string) =>
        Promise.all([
          guest.writeFile('/etc/ksplice/policy.json', policy),
          guest.writeFile('/etc/ksplice/trusted_signers', signers),
        ]);

      await rules(required, alice);
      await refused(guest, unsigned, 'untrusted', 'is not signed');
      await refused(guest, tampered, 'untrusted', 'is not what alice@example.org signed');
      await refused(guest, forOther, 'untrusted', 'namespace');
      await rules(required, expired);
      await refused(guest, archive, 'untrusted', 'no trusted signer');
      await rules('{"require-signature": true', alice);
      await refused(guest, archive, 'bad-policy', 'is not a policy');
      // A microsecond is too short for any machine, and half a minute for none.
      await rules('{"max-stop-ms": 0.001}', alice);
      await refused(guest, `${archive} --timeout 0`, 'aborted', 'stopped for longer than');

      await rules(required, alice);
      const by = { state: 'signed', signer: 'alice@example.org' };
      expect(await kspliceIn(guest, `install ${archive}`)).toMatchObject({ id: ID, trust: by });
      await guest.writeFile('/etc/ksplice/revoked_signers', `${publicKey}\n`);
      expect(await kspliceFails(guest, 'boot')).toMatchObject({
        code: 'boot-incomplete',
        message: expect.stringContaining('revoked'),
      });
      await expectNothing(guest);
      await guest.ok('rm /etc/ksplice/revoked_signers');
      expect(await kspliceIn(guest, 'boot')).toMatchObject({
        updates: [{ id: ID, outcome: 'applied' }],
      });
      expect(await kspliceIn(guest, `view ${ID}`)).toMatchObject({
        stage: 'applied',
        trust: { ...by, key: expect.stringMatching(/^SHA256:/), made: expect.any(String) },
      });
      await kspliceIn(guest, `undo ${ID}`);

      await guest.ok('rm /etc/ksplice/policy.json');
      expect(await kspliceIn(guest, `apply ${unsigned}`)).toMatchObject({
        stage: 'applied',
        trust: { state: 'unsigned' },
      });
      await kspliceIn(guest, `undo ${ID}`);
    });
  });

  async function refused(guest: Guest, update: string, code: string, message: string) {
    expect(await kspliceFails(guest, `apply ${update}`)).toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    await expectNothing(guest);
  }
});

/** Nothing of an update is loaded or remembered. */
async function expectNothing(guest: Guest): Promise<void> {
  expect(await kspliceModules(guest)).toEqual([]);
  expect(await guest.ok('ls /run/ksplice/updates 2>/dev/null || :')).toBe('');
}
