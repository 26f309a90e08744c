// What the kernel itself finds wrong must fail the test that made it say so. Each
// kernel is asked for all that it is configured to watch for.

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasOption, type TestKernel, testKernel } from '../kernels/kernel.js';
import { bootGuest, type Guest } from './harness/index.js';
import { ROOT } from './ksplice.js';

/** What is done, the option that has it found, and what the kernel says. */
const MISDEEDS = [
  ['warning', 'BUG', /WARNING: CPU: \d+ PID: \d+ at .*misdeeds/],
  ['sleep', 'DEBUG_ATOMIC_SLEEP', /BUG: sleeping function called from invalid context/],
  ['locks', 'PROVE_LOCKING', /possible circular locking dependency detected/],
  ['memory', 'KASAN', /BUG: KASAN: slab-out-of-bounds in /],
] as const;

let kernel: TestKernel;
let source: string;

beforeAll(async () => {
  kernel = await testKernel();
  source = await mkdtemp(join(tmpdir(), 'ksplice-misdeeds-'));
  await cp(join(ROOT, 'test', 'fixtures', 'misdeeds'), source, { recursive: true });
  await execa('make', ['-C', kernel.headers, `M=${source}`, 'modules']);
});

afterAll(async () => {
  if (source) await rm(source, { recursive: true, force: true });
});

const misdeed = (guest: Guest, what: string) =>
  guest.run(`insmod ${source}/misdeeds.ko what=${what}`);
const words = ({ source }: RegExp) => expect.stringMatching(new RegExp(`^  .*${source}`));

it('fails on every kind of report that the kernel is configured for', async () => {
  const guest = await bootGuest({ name: 'reports', kernel });
  const expected: RegExp[] = [];
  for (const [what, option, says] of MISDEEDS) {
    if (!(await hasOption(kernel, option))) continue;
    expected.push(says);
    await misdeed(guest, what);
  }
  expect(expected.length).toBeGreaterThan(0);
  const { message } = await guest.close().then(
    () => new Error('no failure'),
    (error: Error) => error,
  );
  const [head, ...said] = message.split('\n');
  expect(head).toBe('unexpected in the kernel log of the guest:');
  for (const says of expected) expect(said).toContainEqual(words(says));
});

it('fails on a list that is damaged', async () => {
  const options = ['DEBUG_LIST', 'BUG_ON_DATA_CORRUPTION'];
  for (const option of options) expect(await hasOption(kernel, option), option).toBe(true);
  const guest = await bootGuest({ name: 'reports-list', kernel });
  const end = misdeed(guest, 'list').catch((error) => guest.failed(error));
  await expect(end).resolves.toMatchObject({
    message: expect.stringMatching(/the guest ended while[\s\S]*console\| .*kernel BUG at /),
  });
});
