// Who may bring what: with real keys and the real ssh-keygen.

import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { readTrustFiles } from '../../src/trust/policy.js';
import { signUpdate } from '../../src/trust/sign-update.js';
import { readTrusted } from '../../src/trust/trusted.js';
import { CHECKSUMS, formatChecksums, SIGNATURE } from '../../src/update/checksums.js';
import { readUpdate } from '../../src/update/read.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from '../update/sample.js';

interface Place {
  /** The signed archive, and the directory that it unpacks to. */
  readonly archive: string;
  readonly directory: string;
  readonly etc: string;
  readonly key: string;
  readonly read: (source?: string) => ReturnType<typeof readTrusted>;
  readonly policy: (rules: object | string) => Promise<void>;
}

interface Wanted {
  /** Of the key in trusted_signers. */
  readonly options?: string;
  /** More files of the update. */
  readonly files?: Readonly<Record<string, string>>;
  /** Of the update; undefined: of an unknown number. */
  readonly hooks?: number | undefined;
}

async function prepared(use: (place: Place) => Promise<void>, wanted: Wanted = {}) {
  const { options = '', files = {} } = wanted;
  await withDirectory(async (where) => {
    const key = path.join(where, 'key');
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const { hooks } = wanted;
    const { directory } = await makeSample(where, { targets: ['vmlinux'], hooks });
    for (const [name, text] of Object.entries(files)) {
      await writeFile(path.join(directory, name), text);
    }
    const archive = path.join(where, 'ksplice-abc12345.tar.gz');
    await writeUpdate(directory, archive);
    await signUpdate(archive, key);
    await rm(directory, { recursive: true });
    await execa('tar', ['-xzf', archive, '-C', where]);
    const etc = path.join(where, 'etc');
    await mkdir(etc, { mode: 0o700 });
    const signer = `alice@example.org ${options} ${await readFile(`${key}.pub`, 'utf8')}`;
    await writeFile(path.join(etc, 'trusted_signers'), signer, OURS);
    const places = { trust: etc, run: path.join(where, 'run') };
    const read = (source = archive) => readTrusted(source, places);
    const policy = (rules: object | string) =>
      writeFile(
        path.join(etc, 'policy.json'),
        typeof rules === 'string' ? rules : JSON.stringify(rules),
        OURS,
      );
    await use({ archive, directory, etc, key, read, policy });
  });
}

/** Whatever the umask: a file to which nobody else can write. */
const OURS = { mode: 0o600 };
const REQUIRED = { 'require-signature': true };
const refusedAs = (code: string, message: RegExp | string) => ({
  code,
  message: expect.stringMatching(message),
});

describe('readTrusted', () => {
  it('says by whom and when, from an archive and from a directory', () =>
    prepared(async ({ read, policy, directory }) => {
      await policy(REQUIRED);
      const signed = { state: 'signed', signer: 'alice@example.org', made: '2026-01-02T03:04:05Z' };
      expect((await read()).trust).toMatchObject(signed);
      expect((await read(directory)).trust).toMatchObject(signed);
    }));

  it('takes an unsigned update only where no signature is required', () =>
    prepared(async ({ read, policy, directory }) => {
      await rm(path.join(directory, SIGNATURE));
      expect((await read(directory)).trust).toEqual({ state: 'unsigned' });
      await policy(REQUIRED);
      await expect(read(directory)).rejects.toMatchObject(refusedAs('untrusted', 'is not signed'));
    }));

  it('trusts nobody where there are no signers', () =>
    prepared(async ({ read, policy, etc }) => {
      await rm(path.join(etc, 'trusted_signers'));
      expect((await read()).trust).toEqual({ state: 'not-verified' });
      await policy(REQUIRED);
      await expect(read()).rejects.toMatchObject(refusedAs('untrusted', 'trusts nobody'));
    }));

  it('refuses a key that was revoked, by a list of keys and by a KRL', () =>
    prepared(async ({ read, key, etc }) => {
      const revoked = path.join(etc, 'revoked_signers');
      await writeFile(revoked, await readFile(`${key}.pub`), OURS);
      await expect(read()).rejects.toMatchObject(refusedAs('untrusted', /revoked/i));
      await execa('ssh-keygen', ['-q', '-k', '-f', revoked, `${key}.pub`]);
      await expect(read()).rejects.toMatchObject(refusedAs('untrusted', /revoked/i));
    }));

  it('refuses an expired key', () =>
    prepared(
      async ({ read }) => {
        await expect(read()).rejects.toMatchObject(refusedAs('untrusted', 'no trusted signer'));
      },
      { options: 'valid-before="20200101"' },
    ));

  it('refuses a signature for another purpose', () =>
    prepared(async ({ read, key, directory }) => {
      const sums = path.join(directory, CHECKSUMS);
      await rm(`${sums}.sig`);
      await execa('ssh-keygen', ['-q', '-Y', 'sign', '-f', key, '-n', 'file', sums]);
      await expect(read(directory)).rejects.toMatchObject(refusedAs('untrusted', 'namespace'));
    }));

  it('refuses a key that no signer has', () =>
    prepared(async ({ read, archive, key }) => {
      await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `${key}2`]);
      await signUpdate(archive, `${key}2`);
      await expect(read()).rejects.toMatchObject(refusedAs('untrusted', 'no trusted signer'));
    }));

  it('refuses other sums, another file, and a file more, before it looks into any', () =>
    prepared(async ({ read, directory }) => {
      const patch = path.join(directory, 'patch');
      await writeFile(patch, 'other\n');
      await expect(read(directory)).rejects.toMatchObject(
        refusedAs('untrusted', 'patch was altered'),
      );
      const { files } = await readUpdate(directory).catch(() => ({ files: new Map() }));
      expect(files.size).toBe(0);
      const sums = path.join(directory, CHECKSUMS);
      const text = await readFile(sums, 'utf8');
      const line = formatChecksums(new Map([['patch', Buffer.from('other\n')]]));
      await writeFile(sums, text.replace(/^.* {2}patch\n/m, line));
      await readUpdate(directory);
      await expect(read(directory)).rejects.toMatchObject(refusedAs('untrusted', 'does not count'));
      await writeFile(sums, text);
      await writeFile(patch, '--- a/net/x.c\n+++ b/net/x.c\n@@ -1 +1 @@\n-old\n+new\n');
      await read(directory);
      await writeFile(path.join(directory, 'more'), '');
      await expect(read(directory)).rejects.toMatchObject(refusedAs('untrusted', 'more is not in'));
    }));

  it.each([
    ['{', 'is not a policy'],
    ['[]', 'is not a policy'],
    ['{"require-signature": "yes"}', 'is not a policy'],
    ['{"allow-busy": [1]}', 'is not a policy'],
    ['{"require-signatures": true}', 'not known: "require-signatures"'],
    ['{"max-stop-ms": 0}', 'is not a policy'],
    ['{"max-stop-ms": "5"}', 'is not a policy'],
  ])('applies nothing by the policy %s', (text, message) =>
    prepared(async ({ read, policy }) => {
      await policy(text);
      await expect(read()).rejects.toMatchObject(refusedAs('bad-policy', message));
    }),
  );

  it.each(['policy.json', 'trusted_signers', 'revoked_signers', '.'])(
    'does not rely on %s if others can write to it',
    (name) =>
      prepared(async ({ read, etc, policy }) => {
        await policy({});
        await writeFile(path.join(etc, 'revoked_signers'), '', OURS);
        const file = path.join(etc, name);
        await read();
        await chmod(file, 0o777);
        await expect(read()).rejects.toMatchObject(refusedAs('bad-policy', 'written to by others'));
      }),
  );

  it('does not rely on files of a third user', () =>
    prepared(async ({ etc, policy }) => {
      await policy({});
      const me = process.geteuid!();
      await readTrustFiles(etc, me);
      // Root's files are everybody's; so who is root gives one away to be the third.
      if (me === 0) await chown(path.join(etc, 'policy.json'), 12345, 0);
      const read = readTrustFiles(etc, me === 0 ? 0 : me + 1);
      await expect(read).rejects.toMatchObject(refusedAs('bad-policy', 'belongs to user'));
    }));

  it.each([
    ['busy functions', 'allow-busy', { files: { 'allow-busy': 'schedule\n' } }],
    ['changed layouts', 'allow-layout', { files: { 'allow-layout': 'struct sock\n' } }],
    ['hooks', 'allow-hooks', { hooks: 1 }],
    ['what may be hooks', 'allow-hooks', {}],
  ] as const)('lets those bring %s whom the policy names', (_, rule, wanted) =>
    prepared(async ({ read, policy, directory }) => {
      await read();
      await policy({ [rule]: ['alice@example.org'] });
      await read();
      await policy({ [rule]: ['bob@example.org'] });
      await expect(read()).rejects.toMatchObject(refusedAs('not-allowed', 'alice@example.org'));
      await policy({ [rule]: false });
      const { details } = await read().then(
        () => ({ details: undefined }),
        (error) => error,
      );
      expect(details?.problems).toMatchObject([{ advice: expect.stringContaining(rule) }]);
      await policy({ [rule]: ['alice@example.org'] });
      await rm(path.join(directory, SIGNATURE));
      await expect(read(directory)).rejects.toMatchObject(refusedAs('not-allowed', 'unsigned'));
    }, wanted),
  );

  it('has nothing against an update without any of that', () =>
    prepared(
      async ({ read, policy }) => {
        await policy({ 'allow-busy': false, 'allow-layout': false, 'allow-hooks': false });
        await read();
      },
      { hooks: 0 },
    ));
});
