// Choosing a kernel in the archive, with an archive that has what makes it hard:
// versions that lack a part, other flavours, a newer series from backports, and
// version numbers that do not sort as text.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Package, version: what the pretended archive holds. */
const ARCHIVE = [
  ['linux-source-5.9', '5.9.9-1'],
  ['linux-source-5.9', '5.9.10-1'],
  ['linux-source-5.9', '5.9.11-1'],
  ['linux-headers-5.9.0-8-amd64', '5.9.9-1'],
  ['linux-image-5.9.0-8-amd64', '5.9.9-1'],
  ['linux-headers-5.9.0-9-amd64', '5.9.10-1'],
  ['linux-headers-5.9.0-9-cloud-amd64', '5.9.10-1'],
  ['linux-image-5.9.0-9-cloud-amd64-unsigned', '5.9.10-1'],
  ['linux-headers-5.9.0-9-rt-amd64', '5.9.10-1'],
  ['linux-headers-5.9.0-9-common-rt', '5.9.10-1'],
  ['linux-image-5.9.0-9-rt-amd64-unsigned', '5.9.10-1'],
  ['linux-image-5.9.0-9-amd64-unsigned', '5.9.10-1'],
  // Newer, but the image is not there yet.
  ['linux-headers-5.9.0-10-amd64', '5.9.11-1'],
  // Another series.
  ['linux-source-5.12', '5.12.1-1~bpo1'],
  ['linux-headers-5.12.1+deb9-amd64', '5.12.1-1~bpo1'],
  ['linux-image-5.12.1+deb9-amd64-unsigned', '5.12.1-1~bpo1'],
];

const APT_CACHE = `#!/bin/bash
here=$(dirname "$0")
case $1 in
depends) printf 'linux-source\\n  Depends: linux-source-5.9\\n' ;;
madison) awk -v p="$2" '$1 == p { printf "%s | %s | http://deb main\\n", $1, $2 }' "$here/archive" ;;
search) awk '{ print $1 }' "$here/archive" | sort -u | grep -E "$3" | sed 's/$/ - a kernel/' ;;
esac
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'archive-'));
  writeFileSync(join(folder, 'apt-cache'), APT_CACHE);
  chmodSync(join(folder, 'apt-cache'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(call: string, archive: string[][] = ARCHIVE, input = ''): string {
  writeFileSync(join(folder, 'archive'), archive.map((line) => `${line.join(' ')}\n`).join(''));
  const script = `set -euo pipefail; . ${import.meta.dirname}/fetch.sh; ${call}`;
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const { stdout } = execaSync('bash', ['-c', script], { env, input, reject: false });
  return stdout;
}

describe('the kernel to test on', () => {
  it("is the newest of the release's series with image, headers and source", () => {
    expect(run('newest_kernel')).toBe('5.9.10-1 5.9.0-9-amd64 linux-image-5.9.0-9-amd64-unsigned');
  });

  it('is an older one, with a signed image, when the newer ones are incomplete', () => {
    const archive = ARCHIVE.filter(([name]) => name !== 'linux-image-5.9.0-9-amd64-unsigned');
    expect(run('newest_kernel', archive)).toBe('5.9.9-1 5.9.0-8-amd64 linux-image-5.9.0-8-amd64');
  });

  it('is one of the flavour that is asked for', () => {
    const rt = run('fetch_rt_patches() { :; }; KSPLICE_TEST_FLAVOUR=rt newest_kernel');
    expect(rt).toBe('5.9.10-1 5.9.0-9-rt-amd64 linux-image-5.9.0-9-rt-amd64-unsigned');
  });

  it('has its patches in the archive, if it is a real-time one', () => {
    const archive = [
      ...ARCHIVE,
      ['linux-headers-5.9.0-8-rt-amd64', '5.9.9-1'],
      ['linux-headers-5.9.0-8-common-rt', '5.9.9-1'],
      ['linux-image-5.9.0-8-rt-amd64-unsigned', '5.9.9-1'],
    ];
    const patches = 'fetch_rt_patches() { [[ $1 == 5.9.9-1 ]]; }';
    const rt = run(`${patches}; KSPLICE_TEST_FLAVOUR=rt newest_kernel`, archive);
    expect(rt).toBe('5.9.9-1 5.9.0-8-rt-amd64 linux-image-5.9.0-8-rt-amd64-unsigned');
  });

  it('needs no patches if its series is one whose real-time kernels are of the same source', () => {
    const archive = ARCHIVE.filter(([name]) => !name!.endsWith('-common-rt'));
    const rt = run(
      'fetch_rt_patches() { exit 1; }; KSPLICE_TEST_FLAVOUR=rt newest_kernel',
      archive,
    );
    expect(rt).toBe('5.9.10-1 5.9.0-9-rt-amd64 linux-image-5.9.0-9-rt-amd64-unsigned');
  });

  it('is none when no version is complete', () => {
    const archive = ARCHIVE.filter(([name]) => !name!.startsWith('linux-image-5.9'));
    expect(run('newest_kernel || echo none', archive)).toBe('none');
  });

  it('has its source in the package of its series, of whichever version', () => {
    expect(run('source_of 5.9.9-1')).toBe('linux-source-5.9');
    expect(run('source_of 5.12.1-1~bpo1')).toBe('linux-source-5.12');
    expect(run('source_of 5.9.8-1 || echo none')).toBe('none');
    expect(run('newest_series linux-source-5.9')).toBe('5.12');
  });

  it('sorts versions as Debian does', () => {
    const versions = ['5.9.9-1', '5.9.10-1~rc1', '5.9.10-1', '5.10.2-1'];
    const sorted = run('newest_first', ARCHIVE, versions.map((line) => `${line}\n`).join(''));
    expect(sorted.split('\n')).toEqual(versions.toReversed());
  });
});
