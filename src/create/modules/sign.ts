// Signing modules as the kernel's own build does: with the sign-file of the
// kernel's headers, after the last change to the file, for the signature is of
// every byte before it.

import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KspliceError } from '../../base/errors.js';
import { runTool } from '../../base/tool.js';
import type { Ui } from '../../base/ui.js';
import type { Confdir } from '../../configure/confdir.js';

export interface SigningKey {
  /** Private key, PEM; or a PKCS#11 URI, as sign-file takes it. */
  readonly key: string;
  /** The X.509 certificate to it, PEM or DER. */
  readonly cert: string;
}

/** @throws KspliceError `io` if a file cannot be read, `no-headers` if there is no sign-file */
export function checkSigning({ key, cert }: SigningKey, confdir: Confdir): void {
  for (const file of key.startsWith('pkcs11:') ? [cert] : [key, cert]) {
    try {
      accessSync(file, constants.R_OK);
    } catch (cause) {
      throw new KspliceError('io', `cannot read ${file}: ${(cause as Error).message}`, { cause });
    }
  }
  if (existsSync(signFile(confdir))) return;
  throw new KspliceError('no-headers', `there is no ${signFile(confdir)}`, {
    advice: 'It comes with the kernel headers, on Debian in the package linux-kbuild.',
  });
}

/**
 * Signs modules where they are.
 * @throws KspliceError `command-failed` with what sign-file said
 */
export async function signModules(
  files: readonly string[],
  { key, cert }: SigningKey,
  confdir: Confdir,
  ui: Ui,
): Promise<void> {
  const config = readFileSync(confdir.config, 'utf8');
  const hash = /^CONFIG_MODULE_SIG_HASH="(\w+)"$/m.exec(config)?.[1] ?? 'sha256';
  const { KBUILD_SIGN_PIN: pin } = process.env;
  const environment = pin === undefined ? {} : { KBUILD_SIGN_PIN: pin };
  for (const file of files) {
    const { status, output } = await runTool(signFile(confdir), [hash, key, cert, file], {
      cwd: dirname(file),
      signal: ui.signal,
      environment,
    });
    if (status === 0) continue;
    throw new KspliceError('command-failed', `signing failed: ${output.trim()}`, {
      advice:
        'Check that key and certificate belong together. If the key has a passphrase, it has to be in KBUILD_SIGN_PIN.',
    });
  }
}

function signFile(confdir: Confdir): string {
  return join(confdir.build, 'scripts', 'sign-file');
}
