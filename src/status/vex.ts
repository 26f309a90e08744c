// A status as an OpenVEX document: one statement for each CVE that the applied updates fix
// (github.com/openvex/spec, version 0.2.0). It is for scanners, which see the package of the kernel,
// and not what was patched in memory.

import { createHash } from 'node:crypto';
import { machine } from '../arch/index.js';
import { fixedCves, type Status } from './status.js';

export interface VexDocument {
  readonly '@context': string;
  readonly '@id': string;
  readonly author: string;
  readonly timestamp: string;
  readonly version: number;
  readonly tooling: string;
  readonly statements: readonly VexStatement[];
}

interface VexStatement {
  readonly vulnerability: { readonly name: string };
  readonly products: readonly { readonly '@id': string }[];
  readonly status: 'fixed';
  readonly status_notes: string;
  readonly timestamp?: string;
}

/** @param now ISO 8601 */
export function vexDocument(status: Status, now: string): VexDocument {
  const { effectiveVersion } = status;
  const product = { '@id': kernelPurl(status) };
  const statements = [...fixedCves(status)].map(([name, by]): VexStatement => {
    const ids = by.map(({ id }) => id).join(', ');
    const [applied] = by.flatMap((update) => update.applied ?? []).sort();
    return {
      vulnerability: { name },
      products: [product],
      status: 'fixed',
      status_notes: `Fixed in the running kernel by hot patch ${ids}; effective version ${effectiveVersion}.`,
      ...(applied === undefined ? {} : { timestamp: applied }),
    };
  });
  const hash = createHash('sha256')
    .update(JSON.stringify([now, statements]))
    .digest('hex');
  return {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `urn:uuid:${uuidOf(hash)}`,
    author: 'ksplice-ts status',
    timestamp: now,
    version: 1,
    tooling: 'ksplice-ts',
    statements,
  };
}

/**
 * The package URL of the kernel: Debian's package if `uname -v` names its version ("… Debian 6.1.192-2
 * (2026-11-16)"), else a generic one.
 */
export function kernelPurl({ kernel, effectiveVersion }: Status): string {
  const [, version] = /\bDebian (\S+) \(/.exec(kernel.version) ?? [];
  const part = encodeURIComponent;
  if (version === undefined) return `pkg:generic/linux@${part(effectiveVersion)}`;
  return `pkg:deb/debian/linux-image-${part(kernel.release)}@${part(version)}?arch=${machine.debian}`;
}

/** A UUID of version 8 (RFC 9562), from a hash. */
function uuidOf(hash: string): string {
  const digits = `${hash.slice(0, 12)}8${hash.slice(13, 16)}8${hash.slice(17, 32)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
