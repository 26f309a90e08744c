import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { headersProblem, imageProblem, sourceProblem } from '../../src/configure/fit.js';
import { packageVersionIn, readHeaders } from '../../src/configure/headers.js';
import { readSource } from '../../src/configure/kernel-source.js';
import { headersTree, RELEASE, sourceTree, VERSION } from './trees.js';

const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
const next = () => path.join(folder, String(count++));
const headers = (change?: Record<string, string>) => readHeaders(headersTree(next(), change));
const source = (change?: Record<string, string>) => readSource(sourceTree(next(), change));

const makefile = (sublevel: string, extra = '') => ({
  Makefile: `VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = ${sublevel}\nEXTRAVERSION =${extra}\n`,
});

describe('headers', () => {
  test('tell release, version, package and compiler', () => {
    expect(headers()).toMatchObject({
      release: RELEASE,
      version: VERSION,
      packageVersion: '6.1.20-2',
      compiler: 'gcc-12 (Debian 12.2.0-14) 12.2.0',
      needsPahole: false,
    });
  });

  test.each(['Makefile', 'Module.symvers', '.config', 'include/generated/utsrelease.h'])(
    'without %s are refused by that name',
    (name) => {
      const root = headersTree(next());
      rmSync(path.join(root, name));
      expect(() => readHeaders(root)).toThrowError(
        expect.objectContaining({ code: 'no-headers', message: expect.stringContaining(name) }),
      );
    },
  );

  test('of an older kernel have the version in compile.h', () => {
    const root = headersTree(next(), {
      'include/generated/compile.h': `#define UTS_VERSION "${VERSION}"\n`,
    });
    for (const name of ['utsversion', 'package']) {
      rmSync(path.join(root, `include/generated/${name}.h`));
    }
    expect(readHeaders(root)).toMatchObject({ version: VERSION, packageVersion: '6.1.20-2' });
  });

  test('have to be those of the release', () => {
    expect(headersProblem(headers(), RELEASE)).toBeUndefined();
    expect(headersProblem(headers(), '6.1.0-9-amd64')).toMatchObject({
      code: 'kernel-mismatch',
      message: expect.stringContaining(`${RELEASE}, not 6.1.0-9-amd64`),
      advice: expect.stringContaining('linux-headers-6.1.0-9-amd64'),
    });
  });
});

describe('source', () => {
  test('fits by version, and by revision where it tells one', () => {
    expect(sourceProblem(source(), headers())).toBeUndefined();
    const changelog = { 'debian/changelog': 'linux (6.1.20-2) bookworm; urgency=medium\n' };
    expect(sourceProblem(source(changelog), headers())).toBeUndefined();
  });

  test.each([
    ['of another point release', makefile('19'), 'is 6.1.19'],
    ['of a release candidate', makefile('20', ' -rc1'), 'is 6.1.20-rc1'],
    [
      'of another revision',
      { 'debian/changelog': 'linux (6.1.20-1) bookworm; urgency=medium\n' },
      'is Debian 6.1.20-1',
    ],
  ])('%s is refused, with the package that fits', (_, change, says) => {
    expect(sourceProblem(source(change), headers())).toMatchObject({
      code: 'kernel-mismatch',
      message: expect.stringContaining(says),
      advice: expect.stringContaining('linux-source-6.1=6.1.20-2'),
    });
  });

  test.each([
    ['6.16~rc7-1~exp1', '16', '0', ' -rc7'],
    ['6.16-1~exp1', '16', '0', ''],
    ['7.3.4-1~bpo13+1', '3', '4', ''],
  ])('of %s says the same in other words', (version, patchlevel, sublevel, extra) => {
    const major = version[0];
    const of = headers({
      'include/generated/package.h': `#define LINUX_PACKAGE_ID " Debian ${version}"\n`,
    });
    const Makefile = `VERSION = ${major}\nPATCHLEVEL = ${patchlevel}\nSUBLEVEL = ${sublevel}\nEXTRAVERSION =${extra}\n`;
    expect(sourceProblem(source({ Makefile }), of)).toBeUndefined();
    const next = Makefile.replace(/^SUBLEVEL.*/m, 'SUBLEVEL = 9');
    expect(sourceProblem(source({ Makefile: next }), of)).toMatchObject({
      code: 'kernel-mismatch',
      advice: expect.stringContaining(`=${version}. Or name it with --source DIR.`),
    });
  });

  test('of another series is refused, with the package of the right one', () => {
    const Makefile = 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 20\nEXTRAVERSION =\n';
    expect(sourceProblem(source({ Makefile }), headers())).toMatchObject({
      code: 'kernel-mismatch',
      message: expect.stringMatching(/is 6\.12\.20, .* was built from Debian 6\.1\.20-2/),
      advice: expect.stringContaining('apt-get install linux-source-6.1=6.1.20-2'),
    });
  });

  test('of another series is refused even if the headers tell no version', () => {
    const bare = headers({
      'include/generated/utsversion.h': '#define UTS_VERSION "#1 SMP"\n',
      'include/generated/package.h': '#define LINUX_PACKAGE_ID ""\n',
    });
    expect(bare.packageVersion).toBeUndefined();
    expect(sourceProblem(source(), bare)).toBeUndefined();
    const other = source({ Makefile: 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n' });
    expect(sourceProblem(other, bare)).toMatchObject({ code: 'kernel-mismatch' });
  });

  test('is no source if it is a headers package, or nothing', () => {
    for (const root of [headersTree(next()), next()]) {
      expect(() => readSource(root)).toThrowError(expect.objectContaining({ code: 'no-source' }));
    }
  });
});

describe('an image', () => {
  const image = { release: RELEASE, version: VERSION };

  test('has to be the same build, not only the same release', () => {
    expect(imageProblem(image, headers(), 'dir')).toBeUndefined();
    const rebuilt = { ...image, version: VERSION.replace('6.1.20-2', '6.1.20-3') };
    expect(imageProblem(rebuilt, headers(), 'dir')).toMatchObject({
      code: 'kernel-mismatch',
      advice: expect.stringContaining(`linux-image-${RELEASE}=6.1.20-2`),
    });
    const own = headers({
      'include/generated/utsversion.h': '#define UTS_VERSION "#2 SMP"\n',
      'include/generated/package.h': '',
    });
    expect(imageProblem({ ...image, version: '#1 SMP' }, own, 'dir')).toMatchObject({
      message: expect.stringContaining('another build'),
      advice: expect.stringContaining('--image'),
    });
    expect(imageProblem({ ...image, release: '6.1.0-8-amd64' }, headers(), 'dir')).toMatchObject({
      code: 'kernel-mismatch',
      message: expect.stringContaining('6.1.0-8-amd64'),
    });
  });

  test('of a series in two packages is fetched with both', () => {
    const release = '7.3.4+deb13-amd64';
    const split = headers({
      'include/generated/utsrelease.h': `#define UTS_RELEASE "${release}"\n`,
      'include/generated/package.h': '#define LINUX_PACKAGE_ID " Debian 7.3.4-1"\n',
    });
    expect(imageProblem({ release, version: '#1 SMP' }, split, 'dir')?.advice).toContain(
      `apt-get download linux-binary-${release}=7.3.4-1 linux-modules-${release}=7.3.4-1, and leave both`,
    );
    expect(imageProblem(image, split, 'dir')?.advice).toContain(
      `apt-get download linux-binary-${release} linux-modules-${release},`,
    );
  });

  test.each([
    [VERSION, '6.1.20-2'],
    ['#1 SMP Debian 6.12.9-1~bpo12+1 (2025-01-19)', '6.12.9-1~bpo12+1'],
    ['#define LINUX_PACKAGE_ID " Debian 6.1.20-2"', '6.1.20-2'],
    ['#1 SMP PREEMPT_DYNAMIC', undefined],
  ])('tells the package version in %j', (text, version) => {
    expect(packageVersionIn(text)).toBe(version);
  });
});
