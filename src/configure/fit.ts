// Do release, headers, source, image and compiler belong together? Every mismatch
// is reported, with the package that has the right part; they are all reported,
// not only the first.

import type { Problem } from '../base/errors.js';
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
      advice: `Fetch the right one: apt-get download linux-image-${release}`,
    };
  }
  if (headers.version === undefined || headers.version === image.version) return undefined;
  const wanted = headers.packageVersion ? `=${headers.packageVersion}` : '';
  const has = packageVersionIn(image.version);
  const upgrade = has ? ` (or headers: apt-get install linux-headers-${release}=${has})` : '';
  return {
    code: 'kernel-mismatch',
    message: `the image in ${path} is another build of ${release} ("${image.version}") than the headers ("${headers.version}")`,
    advice:
      headers.packageVersion || has
        ? `Fetch the right image: apt-get download linux-image-${release}${wanted}${upgrade}`
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
  const upstream = wanted.replace(/-[^-]*$/, '');
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
