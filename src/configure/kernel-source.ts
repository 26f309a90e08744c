// Kernel source: where it is, and which version it is.

import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { KspliceError } from '../base/errors.js';
import type { Ui } from '../base/ui.js';
import { readText } from './texts.js';
import { unpackSource } from './unpack.js';

export interface Source {
  /** Absolute, links followed. */
  readonly dir: string;
  /** From the Makefile: "6.1.192". */
  readonly version: string;
  /** The distribution's version of it, where that can be known: "6.1.192-2". */
  readonly packageVersion: string | undefined;
}

const WHERE_DEBIAN_PUTS_IT = '/usr/src';

/**
 * The source for a kernel release: unpacked in /usr/src, or unpacked now, into
 * the cache, from the tarball there.
 * @throws KspliceError `no-source`, `io`, `command-failed`
 */
export async function findSource(release: string, ui: Ui): Promise<Source> {
  const name = sourcePackage(release);
  const unpacked = join(WHERE_DEBIAN_PUTS_IT, name);
  if (existsSync(join(unpacked, 'Makefile'))) return readSource(unpacked);
  const tarball = `${unpacked}.tar.xz`;
  if (!existsSync(tarball)) {
    throw new KspliceError('no-source', `the source of the kernel (${name}) is not installed`, {
      advice: `Install it: apt-get install ${name}. Or name it with --source DIR.`,
    });
  }
  const packageVersion = await installedVersion(name);
  const dir = await unpackSource(tarball, `${name}_${packageVersion ?? 'unknown'}`, ui);
  return { ...readSource(dir), packageVersion };
}

/** The Debian package that has a release's source: "linux-source-6.1". */
export function sourcePackage(release: string): string {
  const series = /^\d+\.\d+/.exec(release)?.[0];
  return series === undefined ? 'linux-source' : `linux-source-${series}`;
}

/** @throws KspliceError `no-source` if the directory holds no kernel source */
export function readSource(dir: string): Source {
  const makefile = readText(join(dir, 'Makefile')) ?? '';
  const part = (name: string) => new RegExp(`^${name} = *(.*)$`, 'm').exec(makefile)?.[1];
  const [version, patchlevel] = [part('VERSION'), part('PATCHLEVEL')];
  // Headers packages have a Makefile as well, but no code.
  if (!version || !patchlevel || !existsSync(join(dir, 'init/main.c'))) {
    throw new KspliceError('no-source', `${dir} holds no kernel source`, {
      advice: 'Name the directory that has the Makefile, init/, kernel/, net/ and so on.',
    });
  }
  const changelog = readText(join(dir, 'debian/changelog'));
  return {
    dir: realpathSync(dir),
    version: `${version}.${patchlevel}.${part('SUBLEVEL') || '0'}${part('EXTRAVERSION') ?? ''}`,
    packageVersion: changelog && /^\S+ \(([^)]+)\)/.exec(changelog)?.[1],
  };
}

/** What dpkg says is installed, undefined if it is not, or there is no dpkg. */
async function installedVersion(name: string): Promise<string | undefined> {
  const done = await execa('dpkg-query', ['-W', '-f', '$' + '{Version}', name], { reject: false });
  return done.failed || done.stdout === '' ? undefined : done.stdout;
}
