// Bad input of each kind, on the real kernel's source: one clear message, and nothing is left behind.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { beforeAll, describe, expect, it } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { configure } from '../../src/configure/configure.js';
import { createUpdate } from '../../src/create/pipeline.js';
import type { CreateOptions } from '../../src/create/request.js';
import { testKernel } from '../kernels/kernel.js';
import { refusalIn } from '../support/create.js';
import { mounted } from '../support/mounted.js';
import { edited, linkTree, ROOT, scratch, writePatch } from '../support/scratch.js';

const kernel = await testKernel();
const folder = scratch('bad-input');
const { work, cache, confdir, output } = folder;
const sctpPatch = join(ROOT, 'docs/examples/sctp.patch');

beforeAll(async () => {
  const { release, source, image } = kernel;
  await configure({ confdir, release, source, image }, silentUi);
});

const refusal = (options: Partial<CreateOptions>) => refusalIn(folder, options);

function patchFor(path: string, from: string | RegExp, to: string): string {
  return writePatch(work, kernel.source, { path, from, to });
}

describe('bad input', () => {
  const inFunction = '$&\tif (!current)\n\t\treturn 0;\n';

  it.each([
    [
      'Kconfig alone',
      'net/sctp/Kconfig',
      'menuconfig IP_SCTP',
      'menuconfig  IP_SCTP',
      'no-changes',
      /build rules are fixed|net\/sctp\/Kconfig/,
    ],
    [
      'documentation alone',
      'Documentation/Kconfig',
      /^\S.*$/m,
      '$& ',
      'no-changes',
      /never get into this kernel/,
    ],
    [
      'the vdso',
      'arch/x86/entry/vdso/vclock_gettime.c',
      'return __cvdso',
      'return 1 + __cvdso',
      'refused-change',
      /reboot/,
    ],
    [
      'a program of the build',
      'lib/gen_crc32table.c',
      /^int main\([^{]*\{\n/m,
      '$&\n',
      'refused-change',
      /uses the output/,
    ],
    [
      'what a rule of its own makes code of',
      'lib/raid6/int.uc',
      /^#include .*\n/m,
      '$&\n',
      'refused-change',
      /reboot/,
    ],
    [
      'an __init function alone',
      'net/sctp/protocol.c',
      /^static __init int sctp_init\([^{]*\{\n/m,
      inFunction,
      'no-changes',
      /: sctp_init \(\.init\.text\) .*no effect after boot/,
    ],
  ])('%s', async (_, path, from, to, code, advice) => {
    const error = await refusal({ patch: patchFor(path, from, to) });
    expect(error).toMatchObject({ code, advice: expect.stringMatching(advice) });
  });

  it('a header that is not there any more', async () => {
    const gone = readFileSync(join(kernel.source, 'include/net/sctp/sctp.h'), 'latin1');
    const patch = join(work, 'gone.patch');
    const name = 'include/net/sctp/no_more.h';
    writeFileSync(
      patch,
      createTwoFilesPatch(`a/${name}`, `b/${name}`, gone, `${gone}\n`),
      'latin1',
    );
    const error = await refusal({ patch });
    expect(error).toMatchObject({ code: 'patch-failed', advice: expect.stringContaining(name) });
  });

  it.each([
    ['the cache', (mount: string) => ({ cache: join(mount, 'cache'), output })],
    ['the output', (mount: string) => ({ cache, output: join(mount, 'out') })],
  ])('a full disk for %s', async (_, places) => {
    const mount = mkdtempSync(join(work, 'small-'));
    const size = _ === 'the cache' ? '24m' : '16k';
    await mounted(mount, ['-t', 'tmpfs', '-o', `size=${size}`, 'none'], async () => {
      try {
        const { cache: place, output: directory } = places(mount);
        process.env.KSPLICE_CACHE = place;
        const options = { confdir, jobs: 2, patch: sctpPatch, output: directory };
        const error = await createUpdate(options, silentUi).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: 'io',
          message: expect.stringMatching(/no space left/i),
        });
        const found = ['-type', 'f', '-size', '+0'];
        expect(execFileSync('find', [mount, ...found], { encoding: 'utf8' })).toBe('');
      } finally {
        process.env.KSPLICE_CACHE = cache;
      }
    });
  });

  it('source that is not what runs, though of the same version', async () => {
    const tree = join(work, 'other-source');
    await linkTree(kernel.source, tree, 'net/sctp');
    const ootb = /^static int sctp_rcv_ootb\([^{]*\{\n/m;
    const text = edited(kernel.source, {
      path: 'net/sctp/input.c',
      from: ootb,
      to: '$&\tif (!skb)\n\t\treturn 1;\n',
    });
    writeFileSync(join(tree, 'net/sctp/input.c'), text, 'latin1');
    const error = await refusal({ patch: sctpPatch, source: tree });
    expect(error).toMatchObject({
      code: 'not-proved',
      message: expect.stringMatching(/does not hold the code .*\n.*net\/sctp\/input\.o: sctp_rcv/),
      advice: expect.stringMatching(/^Source, compiler and configuration must be/),
    });
  });
});
