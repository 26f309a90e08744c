import { describe, expect, it } from 'vitest';
import { metaPackages } from '../../src/package/meta-package.js';
import type { Update } from '../../src/update/update.js';

const OPTIONS = { revision: 2, maintainer: 'A <a@example.org>' };
const RELEASE = '6.1.0-a-amd64';

function packaged(id: string, kernelVersion = '6.1-1', release = RELEASE) {
  const timestamp = `2026-01-0${id.length}T00:00:00Z`;
  const update = { id, timestamp, kernel: { release } } as unknown as Update;
  return { update, kernelVersion, ...OPTIONS };
}

describe('the package that depends on the updates of a kernel', () => {
  it('is one for each release, and as old as the newest update', () => {
    const made = metaPackages([packaged('a1'), packaged('bb2'), packaged('c', '7-1', 'x')], 3);
    expect(made.map(({ control }) => [control.Package, control.Version, control.Depends])).toEqual([
      [`ksplice-updates-${RELEASE}`, '3', 'ksplice-update-a1 (>= 2), ksplice-update-bb2 (>= 2)'],
      ['ksplice-updates-x', '3', 'ksplice-update-c (>= 2)'],
    ]);
    expect(made[0]?.time).toBe(Date.parse('2026-01-03T00:00:00Z') / 1000);
  });

  it('is not for two builds of a release, which no host has', () => {
    expect(() => metaPackages([packaged('a1'), packaged('b1', '6.1-2')], 1)).toThrow(
      `--meta: the updates for ${RELEASE} are for 6.1-1 and 6.1-2`,
    );
  });
});
