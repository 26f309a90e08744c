// What options of create stand for.

import { resolve } from 'node:path';
import type { CreateOptions } from '../create/request.js';

/** Types as C has them; "struct:foo" needs no quotes in a shell. */
export function readTypes(words: readonly string[] = []): string[] {
  return [...new Set(words.map((word) => word.replace(':', ' ').replace(/\s+/g, ' ').trim()))];
}

/** sign-file runs in another directory than we. */
export function readSigning(
  key: string | undefined,
  cert: string | undefined,
): CreateOptions['signing'] {
  if (key === undefined || cert === undefined) return undefined;
  return { key: key.startsWith('pkcs11:') ? key : resolve(key), cert: resolve(cert) };
}
