// A package of nothing but dependencies: the updates of one kernel, as linux-image-amd64 depends on the
// newest kernel. Hosts that have it get by `apt upgrade` what its next version adds, and lose by
// `apt autoremove` what it leaves out; unattended-upgrades does both.

import { KspliceError } from '../base/errors.js';
import { count } from '../base/words.js';
import type { Update } from '../update/update.js';
import { debDescription, type Package } from './deb.js';
import { packageDocs } from './docs.js';
import type { UpdatePackageOptions } from './update-package.js';

/** An update, and what its own package was made with. */
export interface PackagedUpdate extends UpdatePackageOptions {
  readonly update: Update;
}

/**
 * The packages that depend on all of these updates, one for each release.
 * @param version of the packages
 * @throws KspliceError `usage` if two builds of a release are among them: no host has both
 */
export function metaPackages(all: readonly PackagedUpdate[], version: number): Package[] {
  const byRelease = new Map<string, PackagedUpdate[]>();
  for (const one of all) {
    const { release } = one.update.kernel;
    byRelease.set(release, [...(byRelease.get(release) ?? []), one]);
  }
  return [...byRelease].map(([release, updates]) => metaPackage(release, updates, version));
}

function metaPackage(
  release: string,
  updates: readonly PackagedUpdate[],
  version: number,
): Package {
  const kernels = [...new Set(updates.map(({ kernelVersion }) => kernelVersion))];
  if (kernels.length > 1) {
    const message = `--meta: the updates for ${release} are for ${kernels.join(' and ')}`;
    const advice =
      'No host has several versions of one package. Give the updates of one at a time.';
    throw new KspliceError('usage', message, { advice });
  }
  const { maintainer } = updates[0] as PackagedUpdate;
  const name = `ksplice-updates-${release}`;
  const time = Math.max(...updates.map(({ update }) => Date.parse(update.timestamp))) / 1000;
  const change = `${count(updates.length, 'update')}: ${updates.map(({ update }) => update.id).join(', ')}`;
  const news = { name, version: String(version), change, maintainer, time: Math.floor(time) };
  return {
    control: {
      Package: name,
      Version: news.version,
      Architecture: 'amd64',
      Maintainer: maintainer,
      'Installed-Size': '3',
      Depends: updates
        .map(({ update, revision }) => `ksplice-update-${update.id} (>= ${revision})`)
        .join(', '),
      Section: 'kernel',
      Priority: 'optional',
      Description: debDescription(
        `hot patches: all for Linux ${release}`,
        `This metapackage depends on the updates that hosts with Linux ${release}\n(${kernels[0]}) are to have.`,
      ),
    },
    files: new Map(packageDocs(news)),
    scripts: {},
    time: news.time,
  };
}
