import { describe, expect, test } from 'vitest';
import {
  howToFetch,
  imagePackages,
  isMetaPackage,
  releaseInName,
} from '../../src/kernel/image-packages.js';

describe('the packages of a kernel', () => {
  test.each([
    ['6.1.0-56-amd64', ['linux-image-6.1.0-56-amd64']],
    ['6.18.15+deb13-amd64', ['linux-image-6.18.15+deb13-amd64']],
    ['6.19.6+deb13-amd64', ['linux-binary-6.19.6+deb13-amd64', 'linux-modules-6.19.6+deb13-amd64']],
    [
      '7.3.4+deb13-rt-amd64',
      ['linux-binary-7.3.4+deb13-rt-amd64', 'linux-modules-7.3.4+deb13-rt-amd64'],
    ],
    ['mine', ['linux-image-mine']],
  ])('of %s have these names', (release, packages) => {
    expect(imagePackages(release)).toEqual(packages);
  });

  test('are fetched by one command', () => {
    expect(howToFetch('6.1.0-56-amd64', '6.1.192-2')).toMatch(
      /apt-get download linux-image-6\.1\.0-56-amd64=6\.1\.192-2, and name the \.deb with --image\.$/,
    );
    expect(howToFetch('7.3.4-amd64')).toMatch(
      /download linux-binary-7\.3\.4-amd64 linux-modules-7\.3\.4-amd64, and leave both .* the one of linux-binary-7\.3\.4-amd64 with --image\.$/,
    );
  });

  test.each([
    ['linux-image-6.1.0-56-amd64-unsigned_6.1.192-2_amd64.deb', '6.1.0-56-amd64'],
    ['linux-image-6.1.0-56-amd64-dbg_6.1.192-2_amd64.deb', '6.1.0-56-amd64'],
    ['linux-binary-unsigned-7.3.4+deb13-amd64_7.3.4-1_amd64.deb', '7.3.4+deb13-amd64'],
    ['linux-binary-7.3.4+deb13-amd64_7.3.4-1_amd64.deb', '7.3.4+deb13-amd64'],
    ['linux-base-7.3.4+deb13-amd64_7.3.4-1_amd64.deb', '7.3.4+deb13-amd64'],
    ['linux-image-amd64_7.3.4-1_amd64.deb', undefined],
    ['linux-headers-7.3.4+deb13-amd64_7.3.4-1_amd64.deb', undefined],
    ['linux-base_4.12_all.deb', undefined],
    ['mine.deb', undefined],
  ])('tell by their name %s the release', (file, release) => {
    expect(releaseInName(file)).toBe(release);
  });

  test.each([
    ['linux-image-amd64_7.3.4-1_amd64.deb', true],
    ['linux-image-cloud-amd64_7.3.4-1_amd64.deb', true],
    ['linux-modules-rt-amd64_7.3.4-1_amd64.deb', true],
    ['linux-binary-unsigned-7.3.4-amd64_7.3.4-1_amd64.deb', false],
    ['linux-image-7.3.4-amd64_7.3.4-1_amd64.deb', false],
  ])('or that %s only names others', (file, is) => {
    expect(isMetaPackage(file)).toBe(is);
  });
});
