// configure with the real packages.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KspliceError, type Problem } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { readConfdir } from '../../src/configure/confdir.js';
import { type ConfigureOptions, configure } from '../../src/configure/configure.js';
import { differingHeaders, kernelHeaders } from '../../src/configure/flavour.js';
import { readSystemMap } from '../../src/kernel/kallsyms-text.js';
import { testKernel } from '../kernels/kernel.js';

const kernel = await testKernel();

let folder: string;
let confdir: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  confdir = path.join(folder, 'conf');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The stock source with another Makefile. */
function otherSource(alter: (makefile: string) => string): string {
  const source = path.join(folder, 'source');
  mkdirSync(source);
  symlinkSync(path.join(kernel.source, 'init'), path.join(source, 'init'));
  const makefile = readFileSync(path.join(kernel.source, 'Makefile'), 'utf8');
  writeFileSync(path.join(source, 'Makefile'), alter(makefile));
  return source;
}

async function problems(options: Omit<ConfigureOptions, 'confdir'>): Promise<readonly Problem[]> {
  try {
    await configure({ confdir, ...options }, silentUi);
  } catch (error) {
    if (!(error instanceof KspliceError)) throw error;
    return (error.details as { problems: Problem[] }).problems;
  }
  throw new Error('nothing was refused');
}

describe('configure', () => {
  test('does without source on request', async () => {
    const { source, image } = kernel;
    await configure({ confdir, source, image }, silentUi);
    const done = await configure({ confdir, source: null, image }, silentUi);
    expect(done.source).toBeUndefined();
    expect((await readConfdir(confdir)).source).toBeUndefined();
  });

  test('puts a directory together from the packages', async () => {
    const { source, image } = kernel;
    const done = await configure({ confdir, source, image }, silentUi);
    expect(done.release).toBe(kernel.release);
    const read = await readConfdir(confdir);
    expect(read).toMatchObject({
      release: kernel.release,
      build: realpathSync(kernel.headers),
      source: realpathSync(source),
      image: realpathSync(image),
      flags: [],
    });
    const symbols = readSystemMap(read.systemMap);
    expect(symbols).toHaveLength(done.symbols);
    expect(symbols.filter(({ name }) => name === 'tcp_v4_rcv')).toHaveLength(1);
    expect(readFileSync(read.config)).toEqual(readFileSync(path.join(kernel.headers, '.config')));
  });

  test('refuses a source whose header files are not those of the headers package', async () => {
    const { image, release } = kernel;
    const bare = otherSource((makefile) => makefile);
    expect(await problems({ source: bare, image })).toEqual([
      {
        code: 'kernel-mismatch',
        message: expect.stringContaining(`not the one that ${release} was built from`),
        advice: expect.stringContaining('--source DIR'),
      },
    ]);
    const common = kernelHeaders(kernel.headers) as string;
    const other = kernel.otherSource as { source: string };
    expect(differingHeaders(common, kernel.source)).toEqual([]);
    expect(differingHeaders(common, other.source).length).toBeGreaterThan(0);
  });

  test('names every part that does not fit, and writes nothing', async () => {
    const source = otherSource((text) => text.replace(/^SUBLEVEL = .*/m, 'SUBLEVEL = 1'));
    mkdirSync(confdir);
    writeFileSync(path.join(confdir, 'flags'), 'CC=/bin/true\n');
    const image = path.join(folder, 'nothing');
    mkdirSync(image);
    const release = kernel.release;
    const found = await problems({ release, source, image });
    expect(found.map(({ code }) => code)).toEqual([
      'no-image',
      'kernel-mismatch',
      'wrong-compiler',
    ]);
    expect(found[1]).toMatchObject({
      message: expect.stringContaining(kernel.version),
      advice: expect.stringContaining(`linux-source-`),
    });
    expect(existsSync(path.join(confdir, 'System.map'))).toBe(false);
    expect(existsSync(path.join(confdir, 'build'))).toBe(false);
  });

  test('names the packages of a kernel that is not there at all', async () => {
    const found = await problems({ release: '6.66.0-1-amd64' });
    expect(found.map(({ code }) => code)).toEqual(['no-headers', 'no-source', 'no-image']);
    const advice = found.map((problem) => problem.advice).join('\n');
    expect(advice).toContain('linux-headers-6.66.0-1-amd64');
    expect(advice).toContain('linux-source-6.66');
    expect(advice).toContain('linux-binary-6.66.0-1-amd64 linux-modules-6.66.0-1-amd64');
  });

  test('refuses the real source of another version', async ({ skip }) => {
    if (!kernel.otherSource) return skip('the archive has no other version of this source');
    const { source } = kernel.otherSource;
    const found = await problems({ source, image: kernel.image });
    expect(found.map(({ code }) => code)).toEqual(['kernel-mismatch']);
    expect(found[0]!.message).toContain(source);
  });
});
