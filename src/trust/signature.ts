// Signatures of an update's SHA256SUMS, by OpenSSH: `ssh-keygen -Y sign` makes them, and
// `-Y verify` decides. The sums have a line for every other file, so they stand for all of it.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { KspliceError } from '../base/errors.js';
import { REVOKED, type TrustFiles } from './policy.js';
import type { Signer } from './trust.js';

/** What these signatures are for: a signature for something else is none for an update. */
export const NAMESPACE = 'ksplice-update';

/**
 * Signs a text.
 * @param key a private key's file; or a public key's, whose private key ssh-agent has
 * @param scratch a directory in which to work
 * @returns the armoured signature
 * @throws KspliceError `command-failed`, `missing-tool`
 */
export async function signText(text: Uint8Array, key: string, scratch: string): Promise<Buffer> {
  return inScratch(scratch, async (directory) => {
    const file = path.join(directory, 'sums');
    await writeFile(file, text);
    // A passphrase, or the PIN of a hardware key, is asked for on the terminal.
    const args = ['-Y', 'sign', '-f', path.resolve(key), '-n', NAMESPACE, file];
    const { status, output } = await sshKeygen(args, { env: process.env, stdin: 'inherit' });
    if (status !== 0) {
      throw new KspliceError('command-failed', `ssh-keygen did not sign: ${output}`, {
        advice:
          'Give --sign-with a private key, or a public key whose private key ssh-agent has (`ssh-add -L`).',
      });
    }
    return readFile(`${file}.sig`);
  });
}

/**
 * Verifies a signature by what was read of the host's files.
 * @returns who signed, or why the signature does not count
 * @throws KspliceError `missing-tool`
 */
export async function verifyText(
  text: Uint8Array,
  signature: Uint8Array,
  { signers, revoked }: TrustFiles,
  scratch: string,
): Promise<Signer | { readonly fault: string }> {
  return inScratch(scratch, async (directory) => {
    // Copies in a directory of our own: what ssh-keygen reads is what was checked.
    const put = async (name: string, data: Uint8Array) => {
      await writeFile(path.join(directory, name), data, { mode: 0o600 });
      return path.join(directory, name);
    };
    const given = ['-s', await put('signature', signature)];
    const allowed = ['-f', await put('signers', signers ?? Buffer.alloc(0))];
    const gone = revoked ? ['-r', await put('revoked', revoked)] : [];
    const found = await sshKeygen(['-Y', 'find-principals', ...given, ...allowed], {});
    if (found.status !== 0)
      return { fault: `no trusted signer has this key now (${found.output})` };
    let fault = 'no trusted signer has this key';
    for (const signer of found.stdout.split('\n').filter((name) => name !== '')) {
      const as = ['-Y', 'verify', '-I', signer, '-n', NAMESPACE, ...given, ...allowed];
      const { status, stdout, output } = await sshKeygen([...as, ...gone], { input: text });
      const [, key] = /\b(SHA256:[\w+/]+)/.exec(stdout) ?? [];
      if (status === 0 && key !== undefined) return { signer, key };
      fault = output;
      if (!revoked) continue;
      // ssh-keygen does not say that this is the reason.
      const otherwise = await sshKeygen(as, { input: text });
      if (otherwise.status === 0)
        fault = `the key of ${signer} is revoked, or ${REVOKED} is damaged`;
    }
    return { fault };
  });
}

interface Given {
  readonly input?: Uint8Array;
  readonly stdin?: 'inherit';
  readonly env?: NodeJS.ProcessEnv;
}

async function sshKeygen(args: readonly string[], { env, ...given }: Given) {
  const base = { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' };
  const options = { env: { ...base, ...env, LC_ALL: 'C' }, extendEnv: false, reject: false };
  const done = await execa('ssh-keygen', args, { ...options, ...given });
  if (done.code === 'ENOENT') {
    throw new KspliceError('missing-tool', 'ssh-keygen is not installed', {
      advice: 'Install the Debian package openssh-client.',
    });
  }
  const output = `${done.stdout}\n${done.stderr}`.trim().replaceAll(/[^\x20-\x7e]+/g, '; ');
  return { status: done.exitCode ?? 1, stdout: done.stdout, output };
}

async function inScratch<T>(place: string, use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(place, 'ksplice-signature-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
