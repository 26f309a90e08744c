// A kernel's headers as the distribution ships them for building modules: the
// facts about their kernel that they contain.

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { KspliceError } from '../base/errors.js';
import { readText } from './texts.js';

export interface Headers {
  /** Absolute, links followed. */
  readonly dir: string;
  /** As `uname -r` says. */
  readonly release: string;
  /** As `uname -v` says, if the headers tell. */
  readonly version: string | undefined;
  /** The distribution's version of the kernel package: "6.1.192-2". */
  readonly packageVersion: string | undefined;
  /** The first line of `cc --version` of the compiler that built the kernel. */
  readonly compiler: string | undefined;
  /** Whether pahole has to be there for the configuration to stay what it is. */
  readonly needsPahole: boolean;
  /** The .config as text. */
  readonly config: string;
}

/** Where the headers of a release may be, most certain first. */
export function headerPlaces(release: string): string[] {
  return [`/lib/modules/${release}/build`, `/usr/src/linux-headers-${release}`];
}

/**
 * The first place that holds headers.
 * @throws KspliceError `no-headers`, or `bad-confdir` as readHeaders
 */
export function findHeaders(release: string): Headers {
  for (const place of headerPlaces(release)) {
    if (readText(join(place, 'include/generated/utsrelease.h')) !== undefined) {
      return readHeaders(place);
    }
  }
  throw new KspliceError('no-headers', `the headers of ${release} are not installed`, {
    advice: `Install them: apt-get install linux-headers-${release}`,
  });
}

/** @throws KspliceError `no-headers` if the directory holds none, or parts are missing */
export function readHeaders(dir: string): Headers {
  const need = (file: string): string => {
    const text = readText(join(dir, file));
    if (text !== undefined) return text;
    throw new KspliceError(
      'no-headers',
      `${dir} has no complete kernel headers: there is no ${file}`,
      {
        advice:
          'It should lead to the same directory as /lib/modules/RELEASE/build: install linux-headers-RELEASE.',
      },
    );
  };
  const release = /UTS_RELEASE "([^"]+)"/.exec(need('include/generated/utsrelease.h'))?.[1];
  if (release === undefined) {
    throw new KspliceError('no-headers', `${dir}: utsrelease.h names no release`);
  }
  need('Makefile');
  need('Module.symvers');
  const config = need('.config');
  const version = readText(join(dir, 'include/generated/utsversion.h')) ?? need(COMPILE);
  return {
    dir: realpathSync(dir),
    release,
    version: /UTS_VERSION "([^"]+)"/.exec(version)?.[1],
    packageVersion: packageVersionIn(readText(join(dir, 'include/generated/package.h')) ?? version),
    compiler: /^CONFIG_CC_VERSION_TEXT="(.*)"$/m.exec(config)?.[1],
    needsPahole: /^CONFIG_DEBUG_INFO_BTF=y$/m.test(config),
    config,
  };
}

const COMPILE = 'include/generated/compile.h';

/** Debian's package version in a kernel's version string or package.h. */
export function packageVersionIn(text: string): string | undefined {
  return /\bDebian (\S+?)["\s)]/.exec(`${text} `)?.[1];
}
