// The examples' updates against the stock package, and one that was made from
// source that this kernel was not built from.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { proveUpdate } from '../../src/check/prove.js';
import type { Difference } from '../../src/check/report.js';
import { configure } from '../../src/configure/configure.js';
import { createUpdate } from '../../src/create/pipeline.js';
import { openKernelImage } from '../../src/kernel/kernel-files.js';
import { changedFiles, spread, writePatch } from '../corpus/patches.js';
import { testCache, testKernel } from '../kernels/kernel.js';
import { long } from '../support/long.js';

const kernel = await testKernel();
const examples = path.resolve(import.meta.dirname, '../../docs/examples');

let folder: string;
beforeAll(() => {
  // Beside the other kernels: the altered tree is made of hard links.
  mkdirSync(testCache(), { recursive: true });
  folder = mkdtempSync(path.join(testCache(), 'check-'));
});
// In the background, as all that takes long: a minute of silence ends the test run.
afterAll(() => rm(folder, { recursive: true, force: true }));

async function confdir(name: string, source: string): Promise<string> {
  const dir = path.join(folder, name);
  await configure({ confdir: dir, release: kernel.release, source, image: kernel.image }, silentUi);
  return dir;
}

async function create(confdir: string, example: string): Promise<string> {
  const patch = path.join(examples, `${example}.patch`);
  const id = `${example}real`;
  const { file } = await createUpdate({ patch, confdir, jobs: 2, id, output: folder }, silentUi);
  return file;
}

describe('an update made from the right source', () => {
  test.each([
    ['sctp', 'sctp'],
    ['tcp', 'vmlinux'],
  ])('for %s is proved against the package, unpacked or not', async (example, target) => {
    const update = await create(await confdir('conf', kernel.source), example);
    const proofs = [];
    for (const image of [kernel.image, kernel.deb]) {
      const files = await openKernelImage(image, silentUi, { modules: [target] });
      proofs.push(await proveUpdate(update, files, silentUi));
    }
    expect(proofs[0]!.targets).toEqual([
      expect.objectContaining({ target, replaced: expect.any(Number), unverified: 0 }),
    ]);
    const [{ functions, replaced, references, resolved }] = proofs[0]!.targets as [
      (typeof proofs)[0]['targets'][0],
    ];
    expect(replaced).toBeGreaterThan(0);
    expect(functions).toBeGreaterThan(replaced);
    expect(references).toBeGreaterThan(0);
    expect(resolved).toBeGreaterThanOrEqual(references);
    expect(proofs[1]!.targets).toEqual(proofs[0]!.targets);
  });
});

describe('create --image', () => {
  // Without an image, nothing tells the symbols of a module.
  const patch = path.join(examples, 'tcp.patch');
  const options = { patch, jobs: 2, id: 'named' };

  test('proves against it where the configuration has no image', async () => {
    const conf = await confdir('namedconf', kernel.source);
    unlinkSync(path.join(conf, 'image'));
    const request = { ...options, confdir: conf, output: folder };
    expect((await createUpdate(request, silentUi)).proof).toBe(null);
    const { proof, report } = await createUpdate({ ...request, image: kernel.deb }, silentUi);
    expect(proof!.targets).toEqual([expect.objectContaining({ target: 'vmlinux', unverified: 0 })]);
    expect(report.provedAgainst).toContain(kernel.deb);
  });

  test('refuses the image of another build', async () => {
    const conf = await confdir('strangeconf', kernel.source);
    const build = path.join(folder, 'headers');
    await execa('cp', ['-as', `${kernel.headers}/.`, build]);
    const { stdout } = await execa('grep', ['-rl', 'define UTS_VERSION', 'include/generated/'], {
      cwd: kernel.headers,
    });
    for (const name of stdout.split('\n')) {
      const text = readFileSync(path.join(kernel.headers, name), 'utf8');
      unlinkSync(path.join(build, name));
      writeFileSync(path.join(build, name), text.replace(/UTS_VERSION "/, '$&another '));
    }
    unlinkSync(path.join(conf, 'build'));
    symlinkSync(build, path.join(conf, 'build'));
    const output = mkdtempSync(path.join(folder, 'none-'));
    const request = { ...options, confdir: conf, output, image: kernel.image };
    expect(await failure(createUpdate(request, silentUi))).toMatchObject({
      code: 'kernel-mismatch',
      message: expect.stringContaining(`the image in ${kernel.image} is another build`),
    });
    expect(readdirSync(output)).toEqual([]);
  });
});

async function failure(work: Promise<unknown>): Promise<KspliceError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KspliceError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('an update made from other source', () => {
  // Its tree would stay in the user's cache, a new one with each run.
  beforeAll(() => {
    vi.stubEnv('KSPLICE_CACHE', path.join(folder, 'cache'));
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  /**
   * The stock source, except for a number in one function beside the one that
   * is patched: nothing moves, so that nothing but the comparison can find it.
   */
  async function otherSource(): Promise<string> {
    const source = path.join(folder, 'source');
    await execa('cp', ['-al', kernel.source, source]);
    const file = path.join(source, 'net/ipv4/tcp_ipv4.c');
    const text = readFileSync(file, 'utf8');
    const number = /(?<=^void tcp_v4_mtu_reduced\([^}]*\(TCPF_LISTEN \| )TCPF_CLOSE(?=\))/m;
    expect(text).toMatch(number);
    unlinkSync(file);
    writeFileSync(file, text.replace(number, 'TCPF_ESTABLISHED'));
    return source;
  }

  /**
   * The source of another release that says it were this one's. What is patched is
   * taken from the changes between the two: code of which the other release has the old form.
   */
  long('another release: is refused by name', async () => {
    const source = path.join(folder, 'release');
    await execa('cp', ['-al', kernel.otherSource!.source, source]);
    const makefile = path.join(source, 'Makefile');
    const [sublevel] = /^SUBLEVEL = .*/m.exec(
      readFileSync(path.join(kernel.source, 'Makefile'), 'utf8'),
    )!;
    const text = readFileSync(makefile, 'utf8');
    unlinkSync(makefile);
    writeFileSync(makefile, text.replace(/^SUBLEVEL = .*/m, sublevel));
    const atConfigure = await failure(confdir('refused', source));
    expect(atConfigure.code).toBe('kernel-mismatch');
    expect(atConfigure.message).toContain('header files differ');
    // Header files tell configure already. Somebody may change the source after it.
    const conf = await confdir('releaseconf', kernel.source);
    const blind = await confdir('blindconf', kernel.source);
    for (const dir of [conf, blind]) {
      unlinkSync(path.join(dir, 'source'));
      symlinkSync(source, path.join(dir, 'source'));
    }
    unlinkSync(path.join(blind, 'image'));
    const files = await openKernelImage(kernel.image, silentUi);

    const changed = await changedFiles(source, kernel.source, [
      'mm',
      'kernel',
      'net/ipv4',
      'net/core',
    ]);
    let refused = 0;
    for (const [index, name] of spread(changed).entries()) {
      const { file } = await writePatch(name, source, kernel.source, path.join(folder, 'patches'));
      const options = { patch: file, jobs: 2, output: folder, id: `release${index}` };
      const atOnce = await failure(createUpdate({ ...options, confdir: conf }, silentUi));
      // Comments, other configurations, and what needs a header of the newer release.
      if (['no-changes', 'not-in-kernel', 'compile-failed', 'refused-change'].includes(atOnce.code))
        continue;
      expect(atOnce.code, `${name}: ${atOnce.message}`).toBe('not-proved');
      const update = await createUpdate({ ...options, confdir: blind }, silentUi);
      const error = await failure(proveUpdate(update.file, files, silentUi));
      expect(error.code).toBe('no-match');
      const named = (details: unknown) =>
        (details as { differences: Difference[] }).differences
          .map((difference) => difference.function)
          .sort();
      const names = named(error.details);
      expect(names).toEqual(named(atOnce.details));
      // Whatever else differs: of what the patch changes, something does.
      const replaced = update.report.objects.flatMap((object) => object.changed.map((f) => f.name));
      expect(names.filter((one) => replaced.includes(one))).not.toEqual([]);
      if (++refused === 2) break;
    }
    expect(refused).toBeGreaterThan(0);
  });

  test('is refused, and the function that differs is named', async () => {
    const dir = await confdir('otherconf', await otherSource());
    const atOnce = await failure(create(dir, 'tcp'));
    expect(atOnce).toMatchObject({
      code: 'not-proved',
      message: expect.stringContaining('tcp_v4_mtu_reduced'),
    });
    // Without an image, create has nothing to compare with.
    unlinkSync(path.join(dir, 'image'));
    const update = await create(dir, 'tcp');
    const files = await openKernelImage(kernel.image, silentUi);
    const error = await failure(proveUpdate(update, files, silentUi));
    expect(error.code).toBe('no-match');
    const { differences } = error.details as { differences: Difference[] };
    const differing = differences.filter(({ cause }) => cause === 'differs');
    expect(differing.map((difference) => difference.function)).toEqual(['tcp_v4_mtu_reduced']);
    expect(differing[0]).toMatchObject({ target: 'vmlinux', object: 'net/ipv4/tcp_ipv4.o' });
    expect(error.message).toContain('tcp_v4_mtu_reduced');
  });
});
