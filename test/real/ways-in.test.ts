// The ways into create on the real kernel's source: several patches, files with
// an extension, git; and what limits it.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { silentUi } from '../../src/base/ui.js';
import { configure } from '../../src/configure/configure.js';
import { readPatchOptions } from '../../src/create/change/patch-options.js';
import { createUpdate } from '../../src/create/pipeline.js';
import { prebuild } from '../../src/create/prebuild.js';
import type { CreateOptions } from '../../src/create/request.js';
import { readUpdate } from '../../src/update/read.js';
import { modulesDirectory, testKernel } from '../kernels/kernel.js';
import { createIn, refusalIn } from '../support/create.js';
import { mounted } from '../support/mounted.js';
import { edited, linkTree, ROOT, scratch, writePatch } from '../support/scratch.js';

const kernel = await testKernel();
const folder = scratch('ways-in');
const { work, cache, confdir, output } = folder;
const sctpPatch = join(ROOT, 'docs/examples/sctp.patch');
const tcpPatch = join(ROOT, 'docs/examples/tcp.patch');

beforeAll(async () => {
  const { release, source, image } = kernel;
  await configure({ confdir, release, source, image }, silentUi);
});

const sourceText = (path: string) => readFileSync(join(kernel.source, path), 'latin1');

function changed(path: string, from: string | RegExp, to: string): string {
  return edited(kernel.source, { path, from, to });
}

function patchFor(path: string, from: string | RegExp, to: string): string {
  return writePatch(work, kernel.source, { path, from, to });
}

const create = (options: Partial<CreateOptions>) => createIn(folder, options);
const refusal = (options: Partial<CreateOptions>) => refusalIn(folder, options);

const BOTH = [
  ['sctp', 'sctp_rcv'],
  ['vmlinux', 'tcp_v4_rcv'],
];

describe('--patch', () => {
  it('takes several, and the update holds them all', async () => {
    const { functions, file, description } = await create({ patch: [sctpPatch, tcpPatch] });
    expect(functions).toEqual(BOTH);
    expect(description).toBe('sctp.patch; tcp.patch');
    const texts = [sctpPatch, tcpPatch].map((path) => readFileSync(path, 'utf8'));
    // Each begins as a mail does.
    const parts = (await readUpdate(file)).patch.split(/^From ksplice-ts .*\n/m);
    expect(parts).toEqual(['', ...texts]);
  });

  it('takes a patch back, and the update holds what it does', async () => {
    const forth = createTwoFilesPatch(
      'linux/net/sctp/input.c',
      'linux.new/net/sctp/input.c',
      changed('net/sctp/input.c', /^int sctp_rcv\([^{]*\{\n/m, '$&\tif (!skb)\n\t\treturn 0;\n'),
      sourceText('net/sctp/input.c'),
    );
    const patch = join(work, 'back.patch');
    writeFileSync(patch, forth, 'latin1');
    const patchOptions = readPatchOptions(['-R', '-p1', '-F0']);
    const { functions, file } = await create({ patch, patchOptions });
    expect(functions).toEqual([['sctp', 'sctp_rcv']]);
    expect((await readUpdate(file)).patch).toContain('+\tif (!skb)\n');
  });

  it('tells of offset and fuzz', async () => {
    const text = readFileSync(sctpPatch, 'latin1').replace(/^@@ -(\d+)/m, (_, n) => `@@ -${n - 7}`);
    const patch = join(work, 'moved.patch');
    writeFileSync(patch, text, 'latin1');
    const { said, functions } = await create({ patch });
    expect(functions).toEqual([['sctp', 'sctp_rcv']]);
    expect(said.info).toContainEqual(
      expect.stringMatching(/input\.c:\d+: hunk 1 .*offset of 7 lines/),
    );
  });
});

describe('--diffext', () => {
  it('compares files with the extension, in a tree that cannot be written to', async () => {
    const ending = '.ksplice-ts-test';
    const tree = join(work, 'with-extension');
    await linkTree(kernel.source, tree, 'net/sctp');
    const place = join(tree, 'net/sctp/input.c');
    writeFileSync(`${place}${ending}`, execFileSync('patch', ['-s', '-o', '-', place, sctpPatch]));
    // Permissions do not keep root out; a read-only file system does.
    await mounted(tree, ['--bind', tree], async () => {
      execFileSync('mount', ['-o', 'remount,bind,ro', tree]);
      const { functions, file, description } = await create({ diffext: ending, source: tree });
      expect(functions).toEqual([['sctp', 'sctp_rcv']]);
      expect(description).toBe('net/sctp/input.c');
      expect((await readUpdate(file)).patch).toMatch(/^--- a\/net\/sctp\/input\.c\t?\n\+\+\+ b\//);
    });
  });
});

describe('--git', () => {
  const tree = join(work, 'repository');
  // Not compiled here, and more than half of all.
  const without = ['drivers/gpu/drm/amd/include', 'tools/testing', 'Documentation/devicetree'];

  function gitArgs(workTree: string, ...args: string[]): string[] {
    // No packing in the background of the test.
    const settings = [
      'user.name=t',
      'user.email=t@example.org',
      'core.looseCompression=0',
      'gc.auto=0',
    ];
    const words = settings.flatMap((setting) => ['-c', setting]);
    return [...words, `--git-dir=${join(tree, '.git')}`, `--work-tree=${workTree}`, ...args];
  }

  function git(workTree: string, ...args: string[]): string {
    const words = gitArgs(workTree, ...args);
    return execFileSync('git', words, { cwd: workTree, encoding: 'utf8' }).trim();
  }

  function commitFile(path: string, text: string, parent: string, subject: string): string {
    const index = { ...process.env, GIT_INDEX_FILE: join(work, 'index') };
    const run = (args: string[], input?: string) =>
      execFileSync('git', ['-C', tree, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        env: index,
        encoding: 'utf8',
        ...(input === undefined ? {} : { input: Buffer.from(input, 'latin1') }),
      }).trim();
    run(['read-tree', parent]);
    const blob = run(['hash-object', '-w', '--stdin'], text);
    run(['update-index', '--cacheinfo', `100644,${blob},${path}`]);
    return run(['commit-tree', run(['write-tree']), '-p', parent, '-m', subject]);
  }

  const ref = () => git(tree, 'for-each-ref', '--format=%(objectname)', 'refs/ksplice/pre');

  it('makes an update between commits, whatever is in work tree and index', async () => {
    execFileSync('git', ['init', '-q', tree]);
    const excluded = without.map((path) => `:(exclude)${path}`);
    // In the background: a minute of silence ends the test run.
    await execa('git', gitArgs(kernel.source, 'add', '-Af', '--', '.', ...excluded), {
      cwd: kernel.source,
    });
    await execa('git', gitArgs(kernel.source, 'commit', '-qm', 'As it runs'), {
      cwd: kernel.source,
    });
    const runs = git(tree, 'rev-parse', 'HEAD');
    // Hardly anything is in the work tree, and that is changed.
    writeFileSync(join(tree, 'Makefile'), 'all:\n\tfalse\n');
    git(tree, 'add', 'Makefile');
    const patched = execFileSync(
      'patch',
      ['-s', '-o', '-', join(kernel.source, 'net/sctp/input.c'), sctpPatch],
      { encoding: 'latin1' },
    );
    const one = commitFile('net/sctp/input.c', patched, runs, 'Discard what is not ours');
    const body = /^int tcp_v4_rcv\([^{]*\{\n/m;
    const tcp = changed('net/ipv4/tcp_ipv4.c', body, '$&\tif (!skb)\n\t\treturn 1;\n');
    const two = commitFile('net/ipv4/tcp_ipv4.c', tcp, one, 'And more');
    const state = () => [readFileSync(join(tree, '.git/index')), git(tree, 'rev-parse', 'HEAD')];
    const untouched = state();

    const first = await create({ git: one, source: tree, series: true });
    expect(first.functions).toEqual([['sctp', 'sctp_rcv']]);
    expect(first.description).toBe('Discard what is not ours');
    expect(first.said.info).toContainEqual(expect.stringContaining('no refs/ksplice/pre yet'));
    expect((await readUpdate(first.file)).patch).toContain('diff --git a/net/sctp/input.c');
    expect(ref()).toBe(one);
    expect(state()).toEqual(untouched);

    const second = await create({ git: two, source: tree });
    expect(second.functions).toEqual([['vmlinux', 'tcp_v4_rcv']]);
    expect(ref()).toBe(one);
    expect(state()).toEqual(untouched);

    // The first update replaced a function of the same object: its code would not match.
    const inOotb = /^static int sctp_rcv_ootb\([^{]*\{\n/m;
    expect(patched).toMatch(inOotb);
    const ootb = patched.replace(inOotb, '$&\tif (!skb)\n\t\treturn 1;\n');
    const three = commitFile('net/sctp/input.c', ootb, one, 'Once more');
    expect(await refusal({ git: three, source: tree })).toMatchObject({
      code: 'refused-change',
      message: expect.stringContaining('net/sctp/input.o: an update of the same object'),
      advice: expect.stringContaining('--on'),
    });
    const third = await create({ git: three, source: tree, on: [first.file] });
    // It is inlined, into the function that the first one has replaced.
    expect(third.functions).toEqual([['sctp', 'sctp_rcv']]);
    const { patch } = await readUpdate(third.file);
    expect(patch.split('\n').filter((line) => /^[-+](?![-+]{2} )/.test(line))).toEqual([
      '+\tif (!skb)',
      '+\t\treturn 1;',
    ]);
    expect(third.report.on).toEqual([first.id]);
    expect(state()).toEqual(untouched);
  });

  it('has nothing to do for the commit that runs', async () => {
    expect(await refusal({ git: ref(), source: tree })).toMatchObject({ code: 'no-changes' });
    expect(await refusal({ git: 'HEAD', source: kernel.source })).toMatchObject({
      code: 'no-source',
    });
  });
});

describe('--only-targets', () => {
  it('leaves out the other modules of a header', async () => {
    const patch = patchFor(
      'include/net/sctp/checksum.h',
      /^static inline __le32 sctp_compute_cksum\([^{]*\{\n/m,
      '$&\tif (!skb)\n\t\treturn 0;\n',
    );
    const { report, said } = await create({ patch, onlyTargets: ['sctp'] });
    const objects = report.objects.map(({ target, object }) => [target, object]);
    expect(objects).toContainEqual(['sctp', 'net/sctp/input.o']);
    expect(objects.every(([target]) => target === 'sctp')).toBe(true);
    expect(said.warnings).toContainEqual(expect.stringMatching(/nf_conntrack.* will keep the old/));
  });

  it('refuses a target that the change does not reach', async () => {
    const error = await refusal({ patch: sctpPatch, onlyTargets: ['ext4'] });
    expect(error).toMatchObject({ code: 'no-changes', details: { targets: ['sctp'] } });
  });
});

describe('--prebuild', () => {
  it('leaves create nothing to do but the patched object', async () => {
    process.env.KSPLICE_CACHE = join(work, 'prebuilt');
    try {
      const { objects, core } = await prebuild({ confdir, jobs: 2, patch: sctpPatch }, silentUi);
      expect(objects).toEqual(['net/sctp/input.o']);
      expect(existsSync(core)).toBe(true);
      const details: string[] = [];
      const ui = { ...silentUi, detail: (text: string) => details.push(text) };
      await createUpdate({ confdir, jobs: 2, patch: sctpPatch, output }, ui);
      expect(details).toContain('pre objects: 1 cached, 0 to make');
    } finally {
      await rm(join(work, 'prebuilt'), { recursive: true, force: true });
      process.env.KSPLICE_CACHE = cache;
    }
  });
});

describe('--build-modules', () => {
  /** Function → size, of a module's file. */
  function sizes(file: string): Map<string, string> {
    const lines = execFileSync('nm', ['-S', '--defined-only', file], { encoding: 'utf8' });
    const functions = lines.matchAll(/^\S+ (\S+) [tT] (\S+)$/gm);
    return new Map([...functions].map(([, size = '', name = '']) => [name, size]));
  }

  it('packs the modules as they are to be on disk', async () => {
    const { file, id } = await create({ patch: sctpPatch, buildModules: true });
    execFileSync('tar', ['-xzf', file, '-C', work]);
    const made = join(work, `ksplice-${id}`, 'modules/sctp.ko');
    const stock = join(modulesDirectory(kernel), 'kernel/net/sctp/sctp.ko');
    const old = sizes(stock);
    const differing = [...sizes(made)].filter(([name, size]) => old.get(name) !== size);
    expect(differing.map(([name]) => name)).toEqual(['sctp_rcv']);
    const field = (path: string, name: string) =>
      execFileSync('/sbin/modinfo', ['-F', name, path], { encoding: 'utf8' });
    for (const name of ['vermagic', 'depends', 'intree']) {
      expect(field(made, name)).toBe(field(stock, name));
    }
    // The work tree is still that of the code that runs.
    expect((await create({ patch: sctpPatch })).functions).toEqual([['sctp', 'sctp_rcv']]);
  });
});
