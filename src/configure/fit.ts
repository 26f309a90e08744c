// Do release, headers, source, image and compiler belong together? Every mismatch
// is reported, with the package that has the right part; they are all reported,
// not only the first.

import type { Problem } from '../base/errors.js';
import { howToFetch } from '../kernel/image-packages.js';
import { type Headers, packageVersionIn } from './headers.js';
import { type Source, sourcePackage } from './kernel-source.js';

/** What an image says about itself. */
export interface ImageVersion {
  readonly release: string;
  /** As `uname -v` says. */
  readonly version: string;
}

/** The headers are those of the release that was asked for. */
export function headersProblem(headers: Headers, release: string): Problem | undefined {
  if (headers.release === release) return undefined;
  return {
    code: 'kernel-mismatch',
    message: `the headers in ${headers.dir} are those of ${headers.release}, not ${release}`,
    advice: `Install the right ones: apt-get install linux-headers-${release}`,
  };
}

/** The image is the build that the headers came from, not only the same release. */
export function imageProblem(
  image: ImageVersion,
  headers: Headers,
  path: string,
): Problem | undefined {
  const release = headers.release;
  if (image.release !== release) {
    return {
      code: 'kernel-mismatch',
      message: `the image in ${path} is ${image.release}, the headers are those of ${release}`,
      advice: howToFetch(release),
    };
  }
  if (headers.version === undefined || headers.version === image.version) return undefined;
  const has = packageVersionIn(image.version);
  const upgrade = has
    ? ` Or install headers of the version that you have: apt-get install linux-headers-${release}=${has}`
    : '';
  return {
    code: 'kernel-mismatch',
    message: `the image in ${path} is another build of ${release} ("${image.version}") than the headers ("${headers.version}")`,
    advice:
      headers.packageVersion || has
        ? `${howToFetch(release, headers.packageVersion)}${upgrade}`
        : 'Name the image of that build with --image, or the directory where it was built.',
  };
}

/**
 * The source is the version that the kernel was built from. Where only the
 * Makefile tells, revisions of the same upstream version look alike.
 */
export function sourceProblem(source: Source, headers: Headers): Problem | undefined {
  const wanted = headers.packageVersion;
  if (wanted === undefined) return seriesProblem(source, headers);
  const upstream = upstreamOf(wanted);
  const sameUpstream = source.version === upstream;
  const sameRevision = source.packageVersion === undefined || source.packageVersion === wanted;
  if (sameUpstream && sameRevision) return undefined;
  const is = sameUpstream ? `Debian ${source.packageVersion}` : source.version;
  const name = sourcePackage(headers.release);
  return {
    code: 'kernel-mismatch',
    message: `the source in ${source.dir} is ${is}, the kernel ${headers.release} was built from Debian ${wanted}`,
    advice: `Install the right source: apt-get install ${name}=${wanted}. Or name it with --source DIR.`,
  };
}

/** As the Makefile has it: "6.16~rc7-1~exp1" is 6.16.0-rc7. */
function upstreamOf(packageVersion: string): string {
  const [number = '', candidate] = packageVersion.replace(/-[^-]*$/, '').split('~');
  const whole = /^\d+\.\d+$/.test(number) ? `${number}.0` : number;
  return candidate === undefined ? whole : `${whole}-${candidate}`;
}

/** Without a package version, the release's own number is all there is. */
function seriesProblem(source: Source, headers: Headers): Problem | undefined {
  const series = /^\d+\.\d+/.exec(headers.release)?.[0];
  if (series === undefined || source.version.startsWith(`${series}.`)) return undefined;
  return {
    code: 'kernel-mismatch',
    message: `the source in ${source.dir} is ${source.version}, the kernel is ${headers.release}`,
    advice: 'Name the source that the kernel was built from with --source DIR.',
  };
}

/** Whether the source's revision could not be compared with the kernel's. */
export function revisionIsUnknown(source: Source, headers: Headers): boolean {
  return headers.packageVersion !== undefined && source.packageVersion === undefined;
}
