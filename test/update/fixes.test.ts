import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  asFixes,
  fixLines,
  formatFixes,
  joinFixes,
  NO_FIXES,
  parseFixes,
} from '../../src/update/fixes.js';
import { readUpdate } from '../../src/update/read.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from './sample.js';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const SOME = {
  cves: ['CVE-2025-9999', 'CVE-2025-10000', 'CVE-2026-1234'],
  upstream: [COMMIT],
  repairs: ['89abcdef0123'],
};

it('is read as it was written, in order and once', () => {
  expect(parseFixes(formatFixes(SOME))).toEqual({ fixes: SOME, faults: [] });
  const twice = { ...SOME, cves: [...SOME.cves].reverse() };
  expect(joinFixes([twice, SOME, NO_FIXES])).toEqual(SOME);
  expect(asFixes(JSON.parse(JSON.stringify(SOME)))).toEqual(SOME);
  expect(asFixes(undefined)).toEqual(NO_FIXES);
});

it.each([
  'CVE-2026-12',
  'CVE-2026-1234 and more',
  'CVE-2026-1234"><script>',
  'upstream',
  'upstream 012345',
  `upstream ${COMMIT} x`,
  `fixes ${COMMIT}`,
  'repairs ../../etc',
])('does not read %j', (line) => {
  const { fixes, faults } = parseFixes(`CVE-2026-1234\n${line}\n`);
  expect(faults).toEqual([`fixes has a line that names no fix: ${JSON.stringify(line)}`]);
  expect(fixes.cves).toEqual(['CVE-2026-1234']);
});

it('does not take other JSON for fixes', () => {
  for (const odd of [null, [], 'CVE-2026-1234', { ...SOME, cves: ['x'] }, { cves: [] }]) {
    expect(asFixes(odd)).toBeUndefined();
  }
});

it('is told in a line a kind', () => {
  expect(fixLines(SOME)).toEqual([
    'fixes CVE-2025-9999, CVE-2025-10000, CVE-2026-1234',
    'is upstream commit 0123456789ab',
    'repairs what came with 89abcdef0123',
  ]);
  expect(fixLines(NO_FIXES)).toEqual([]);
});

it('is a part of an update; one without it is as before, and a damaged one is refused', () =>
  withDirectory(async (where) => {
    const archive = path.join(where, 'out.tar.gz');
    const old = await makeSample(where, { id: 'old', targets: ['vmlinux'] });
    await writeUpdate(old.directory, archive);
    expect(await readdir(old.directory)).not.toContain('fixes');
    expect((await readUpdate(archive)).fixes).toEqual(NO_FIXES);

    const fixes = formatFixes(SOME);
    const sample = await makeSample(where, { id: 'new', targets: ['vmlinux'], fixes });
    await writeUpdate(sample.directory, archive);
    expect((await readUpdate(archive)).fixes).toEqual(SOME);

    await writeFile(path.join(sample.directory, 'fixes'), 'CVE-x\n');
    await expect(writeUpdate(sample.directory, archive)).rejects.toMatchObject({
      code: 'bad-update',
      message: expect.stringContaining('fixes has a line that names no fix: "CVE-x"'),
    });
  }));
