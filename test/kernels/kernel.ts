// The kernel that tests work on: found in the archive and fetched by
// test/kernels/fetch.sh, which leaves a description in the cache. Tests read
// that description, so that no release, version or path is written in one.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** One kernel; if it is a stock kernel of the distribution, all parts are of the same package version. */
export interface TestKernel {
  /** as `uname -r` prints it */
  readonly release: string;
  /** Debian package version, the same for image, headers and source */
  readonly version: string;
  /** the unpacked image packages: boot/, lib/modules/RELEASE/ or usr/lib/modules/RELEASE/ */
  readonly image: string;
  /** the package with the kernel itself; a kernel of one's own has none */
  readonly deb: string;
  /** unpacked, pristine kernel source: never build or write in it */
  readonly source: string;
  /** what /lib/modules/RELEASE/build would point to */
  readonly headers: string;
  /** of a kernel of one's own: the directory in which it was built */
  readonly build?: string;
  /** of a kernel of one's own: words for make, also for modules of it */
  readonly make?: readonly string[];
  /** what its guests need; waits of the harness are `patience` times as long as on other kernels */
  readonly guest?: { readonly memoryMb: number; readonly patience: number };
  /** source of another version of the same series, to be refused by release checks */
  readonly otherSource?: { readonly version: string; readonly source: string };
}

/** Where fetched kernels are kept: $KSPLICE_TEST_CACHE, or a folder of the user's cache. */
export function testCache(): string {
  return process.env.KSPLICE_TEST_CACHE ?? join(homedir(), '.cache', 'ksplice-ts', 'test');
}

/** The fetched kernel. Throws when there is none: tests need one, and say how to get it. */
export async function testKernel(): Promise<TestKernel> {
  const path = join(testCache(), 'kernel.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new Error(`no kernel to test on (${path}): run 'bash test/run.sh setup' once, as root`);
  }
  return JSON.parse(text) as TestKernel;
}

/** Whether the kernel was configured with an option, named without CONFIG_. */
export async function hasOption(kernel: TestKernel, option: string): Promise<boolean> {
  const config = await readFile(join(kernel.headers, '.config'), 'utf8');
  return new RegExp(`^CONFIG_${option}=[ym]$`, 'm').test(config);
}

/** The compressed kernel image of a test kernel. */
export function vmlinuz(kernel: TestKernel): string {
  const places = ['vmlinuz.unsigned', 'vmlinuz'].map((name) =>
    join(modulesDirectory(kernel), name),
  );
  return firstThere(join(kernel.image, 'boot', `vmlinuz-${kernel.release}`), ...places);
}

/** The directory with a test kernel's modules. */
export function modulesDirectory(kernel: TestKernel): string {
  const places = ['lib', 'usr/lib'].map((lib) =>
    join(kernel.image, lib, 'modules', kernel.release),
  );
  return firstThere(...places);
}

function firstThere(...places: string[]): string {
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`there is none of ${places.join(', ')}`);
  return found;
}
