import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKSUMS, formatChecksums } from '../../src/update/checksums.js';
import { chooseUpdate, readIndex, type ThisKernel } from '../../src/update/choose.js';
import { NO_FIXES } from '../../src/update/fixes.js';
import { readUpdate } from '../../src/update/read.js';
import {
  formatIndex,
  INDEX,
  parseIndex,
  type SetIndex,
  type SetOther,
} from '../../src/update/set.js';
import { writeUpdate } from '../../src/update/write.js';
import { makeSample, withDirectory } from './sample.js';

const A = { release: '6.1.0-a-amd64', buildId: 'aa'.repeat(20) };
/** Another build of the same release. */
const A2 = { release: A.release, buildId: 'a2'.repeat(20) };
const B = { release: '6.1.0-b-amd64', buildId: 'bb'.repeat(20) };
const C = { release: '6.1.0-c-amd64', buildId: 'cc'.repeat(20) };
const CVES = { ...NO_FIXES, cves: ['CVE-2026-1234'] };
const OTHERS: SetOther[] = [
  { ...B, outcome: 'not-needed', code: 'no-changes', message: 'nothing changes' },
  { ...C, outcome: 'refused', code: 'refused-change', message: 'a type changes' },
];

/** Writes the index, and checksums that fit it. */
async function writeSet(set: string, index: object): Promise<void> {
  const text = Buffer.from(formatIndex(index as SetIndex));
  await writeFile(path.join(set, INDEX), text);
  await writeFile(path.join(set, CHECKSUMS), formatChecksums(new Map([[INDEX, text]])));
}

/** A set with updates for two builds of one release. */
const withSet = (use: (set: string, index: SetIndex) => Promise<void>) => () =>
  withDirectory(async (where) => {
    const set = path.join(where, 'ksplice-set-s1');
    const updates: SetIndex['updates'][number][] = [];
    for (const [id, kernel] of [
      ['s1a', A],
      ['s1b', A2],
    ] as const) {
      const more = { ...kernel, targets: ['vmlinux'], fixes: 'CVE-2026-1234\n' };
      const { directory } = await makeSample(where, { id, ...more });
      const file = `${kernel.release}-${id}/ksplice-${id}.tar.gz`;
      await mkdir(path.dirname(path.join(set, file)), { recursive: true });
      await writeUpdate(directory, path.join(set, file));
      const data = await readFile(path.join(set, file));
      const sha256 = createHash('sha256').update(data).digest('hex');
      updates.push({ ...kernel, id, file, sha256, fixes: CVES });
    }
    const about = { id: 's1', created: '2026-01-02T03:04:05Z', description: 'd', fixes: CVES };
    const index: SetIndex = { format: 1, ...about, updates, others: OTHERS };
    await writeSet(set, index);
    await use(set, index);
  });

const choose = (source: string, kernel: ThisKernel) =>
  chooseUpdate(source, kernel, async (file, sha256) => ({
    update: await readUpdate(file, sha256),
  }));

const failing = async (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it was accepted');
    },
    ({ code, message, advice }) => ({ code, message, advice }),
  );

describe('a set', () => {
  it(
    'has the update for the very build that runs, whatever its release',
    withSet(async (set, index) => {
      expect(await readIndex(set)).toEqual(index);
      expect((await choose(set, A)).found?.update).toMatchObject({ id: 's1a', fixes: CVES });
      expect((await choose(set, A2)).found?.update).toMatchObject({ id: 's1b' });
      // What is no set is an update.
      const [one] = index.updates;
      expect(await choose(path.join(set, one!.file), B)).toMatchObject({
        found: { update: { id: 's1a' } },
      });
    }),
  );

  it(
    'says that a kernel needs nothing',
    withSet(async (set) => {
      expect(await choose(set, B)).toEqual({ notNeeded: OTHERS[0] });
    }),
  );

  it(
    'is refused by other kernels, with those that it is for',
    withSet(async (set) => {
      const other = { release: '6.9.0', buildId: 'dd'.repeat(20) };
      expect(await failing(choose(set, other))).toEqual({
        code: 'not-in-set',
        message: `${set} has no update for the kernel that runs, 6.9.0, build dddddddddddd`,
        advice: 'It has 2 updates, for 6.1.0-a-amd64 (aaaaaaaaaaaa), 6.1.0-a-amd64 (a2a2a2a2a2a2).',
      });
      const rebuilt = { release: A.release, buildId: 'dd'.repeat(20) };
      expect((await failing(choose(set, rebuilt))).advice).toContain('another build');
      expect((await failing(choose(set, C))).message).toContain('a type changes');
      const none = { release: A.release, buildId: undefined };
      expect(await failing(choose(set, none))).toMatchObject({
        code: 'not-in-set',
        message: expect.stringContaining('which has no build id'),
      });
    }),
  );
});

describe('a set that was altered', () => {
  it(
    'is known by the checksum of its index',
    withSet(async (set) => {
      const text = await readFile(path.join(set, INDEX), 'utf8');
      await writeFile(path.join(set, INDEX), text.replaceAll(B.buildId, A.buildId));
      expect(await failing(choose(set, A))).toMatchObject({
        code: 'bad-set',
        message: expect.stringContaining('index.json was altered or damaged'),
      });
    }),
  );

  it(
    'is known by its archives, before they are unpacked',
    withSet(async (set, { updates: [one, two] }) => {
      await cp(path.join(set, two!.file), path.join(set, one!.file));
      expect(await failing(choose(set, A))).toMatchObject({
        code: 'bad-archive',
        message: expect.stringContaining('is not the file that its set names'),
      });
    }),
  );

  it.each([
    ['build id', { buildId: B.buildId }, B],
    ['kernel release', { release: '6.9.0' }, A],
    ['id', { id: 's1x' }, A],
    ['fixes', { fixes: { ...CVES, cves: ['CVE-2026-1234', 'CVE-2026-9999'] } }, A],
  ])('is known by the update itself where its index lies about the %s', (what, lie, kernel) =>
    withSet(async (set, index) => {
      const updates = index.updates.map((one, at) => (at === 0 ? { ...one, ...lie } : one));
      await writeSet(set, { ...index, updates, others: [] });
      expect(await failing(choose(set, kernel))).toMatchObject({
        code: 'bad-set',
        message: expect.stringMatching(new RegExp(`differ in: ${what}$`)),
      });
    })(),
  );

  it(
    'has no index that leads out of it, or is of another form',
    withSet(async (set, index) => {
      const [one, ...rest] = index.updates;
      const withOne = (lie: object) => ({ ...index, updates: [{ ...one, ...lie }, ...rest] });
      const odd = [
        withOne({ file: '../x/ksplice-s1a.tar.gz' }),
        withOne({ file: '/etc/passwd' }),
        withOne({ sha256: 'x' }),
        withOne({ id: 'helper' }),
        withOne({ release: 'a\u001b[2Jb' }),
        withOne({ buildId: A2.buildId }),
        { ...index, format: 2 },
        { ...index, updates: {} },
        { ...index, others: [{ ...OTHERS[0], outcome: 'perhaps' }] },
        [],
      ];
      for (const one of odd) {
        expect(parseIndex(JSON.stringify(one))).toBeUndefined();
        await writeSet(set, one);
        expect(await failing(choose(set, A))).toMatchObject({
          code: 'bad-set',
          message: expect.stringContaining('is not the index of a set'),
        });
      }
    }),
  );
});
