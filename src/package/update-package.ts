// An update as a Debian package. dpkg keeps the order: its scripts have the tool of the host
// install and apply the update, and undo and uninstall it.

import { createHash } from 'node:crypto';
import { KspliceError } from '../base/errors.js';
import { imagePackages, unsignedPackage } from '../kernel/image-packages.js';
import { fixLines } from '../update/fixes.js';
import type { Update } from '../update/update.js';
import { debDescription, type Package, type PackagedFile } from './deb.js';
import { packageDocs } from './docs.js';
import { updateScripts } from './update-scripts.js';

export interface UpdatePackageOptions {
  /** Debian's version of the kernel's package: "6.1.192-3". */
  readonly kernelVersion: string;
  /** Of this package, for one that is made again: 1, 2… */
  readonly revision: number;
  readonly maintainer: string;
}

/** What a version of deb-version(7) may look like. */
const VERSION = /^(?:\d+:)?\d[A-Za-z0-9.+~-]*$/;

/**
 * @param archive the update's tarball, byte by byte
 * @throws KspliceError `usage` if the version is none
 */
export function updatePackage(
  update: Update,
  archive: Uint8Array,
  options: UpdatePackageOptions,
): Package {
  const { id, kernel, description } = update;
  const { kernelVersion, revision, maintainer } = options;
  if (!VERSION.test(kernelVersion)) {
    throw new KspliceError('usage', `${JSON.stringify(kernelVersion)} is no version of a package`, {
      advice: 'It looks like 6.1.192-3: `dpkg-query -W linux-image-RELEASE` shows it.',
    });
  }
  const time = Math.floor(Date.parse(update.timestamp) / 1000);
  const name = `ksplice-update-${id}`;
  const [summary = '', ...rest] = description.split('\n');
  const file = `usr/share/ksplice/updates/ksplice-${id}.tar.gz`;
  const version = String(revision);
  const files = new Map<string, PackagedFile>([
    [file, { data: archive }],
    ...packageDocs({ name, version, change: oneLine(summary), maintainer, time }),
  ]);
  const control = {
    Package: name,
    Version: version,
    Architecture: 'amd64',
    Maintainer: maintainer,
    'Installed-Size': String(Math.ceil(archive.length / 1024) + 3),
    // Before anything is unpacked: a host without this very kernel is told so, and nothing is half done.
    'Pre-Depends': imagePackages(kernel.release)
      .map((one) => [one, unsignedPackage(one)].filter((name) => name !== undefined))
      .map((names) => names.map((name) => `${name} (= ${kernelVersion})`).join(' | '))
      .join(', '),
    Depends: ['ksplice-ts-host', ...update.contents.on.map((one) => `ksplice-update-${one}`)].join(
      ', ',
    ),
    Section: 'kernel',
    Priority: 'optional',
    Description: debDescription(
      `hot patch: ${oneLine(summary)}`,
      [
        ...rest.filter((line, index) => index > 0 || line.trim() !== ''),
        ...(rest.length > 0 ? [''] : []),
        `It changes Linux ${kernel.release} (${kernelVersion})`,
        'while it runs, and at each boot of it.',
        ...fixedIn(update),
      ].join('\n'),
    ),
  };
  const digest = createHash('sha256').update(archive).digest('hex');
  const scripts = updateScripts({
    id,
    release: kernel.release,
    revision,
    file: `/${file}`,
    digest,
  });
  return { control, files, scripts, time };
}

/** As `apt-cache search CVE-2026-1234` finds it. */
function fixedIn({ fixes }: Update): string[] {
  const lines = fixLines(fixes).map((line) => `It ${line}.`);
  return lines.length > 0 ? ['', ...lines] : [];
}

function oneLine(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').trim();
}
