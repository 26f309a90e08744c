// The two files that Debian's policy wants in each package.

import { gzipSync } from 'node:zlib';
import type { PackagedFile } from './deb.js';

export interface PackageNews {
  readonly name: string;
  readonly version: string;
  /** What is new in it, in one line. */
  readonly change: string;
  /** "Name <mail@example.org>" */
  readonly maintainer: string;
  /** Seconds since 1970. */
  readonly time: number;
}

/** Changelog and copyright, by their paths. */
export function packageDocs(news: PackageNews): [string, PackagedFile][] {
  const { name, version, change, maintainer, time } = news;
  const docs = `usr/share/doc/${name}`;
  const day = new Date(time * 1000).toUTCString().replace('GMT', '+0000');
  const changes = `${name} (${version}) stable; urgency=medium\n\n  * ${change}\n\n -- ${maintainer}  ${day}\n`;
  return [
    // gzip writes no name and no time of its own here.
    [`${docs}/changelog.gz`, { data: gzipSync(changes, { level: 9 }) }],
    [`${docs}/copyright`, { data: copyright(new Date(time * 1000).getUTCFullYear()) }],
  ];
}

const copyright = (year: number) => `A patch to the Linux kernel, compiled by ksplice-ts.

Copyright: 1991-${year} the authors of the Linux kernel and of the patch

The kernel and the patch are under the GNU General Public License, version 2;
on Debian systems it is in /usr/share/common-licenses/GPL-2.
`;
