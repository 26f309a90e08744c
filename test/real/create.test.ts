// create on the real kernel's source: what it makes, what it leaves behind, and
// what it says of patches that cannot be.

import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { configure } from '../../src/configure/configure.js';
import { verifyMade } from '../../src/create/again/verify.js';
import { type CreatedUpdate, createUpdate } from '../../src/create/pipeline.js';
import { decodeProgram } from '../../src/program/decode.js';
import { CHECKSUMS } from '../../src/update/checksums.js';
import { readUpdate } from '../../src/update/read.js';
import { programOf } from '../../src/update/update.js';
import { testKernel } from '../kernels/kernel.js';
import { isHeld } from '../support/held.js';
import { long } from '../support/long.js';
import { ROOT, scratch, writePatch } from '../support/scratch.js';
import { alteredUpdate } from '../vm/ksplice.js';

const kernel = await testKernel();
const { work, cache, confdir, output } = scratch('create');
const sctpPatch = join(ROOT, 'docs/examples/sctp.patch');

beforeAll(async () => {
  const { release, source, image } = kernel;
  await configure({ confdir, release, source, image }, silentUi);
});

/** A patch that replaces one piece of text in a file of the source. */
function patchFor(path: string, from: string, to: string): string {
  return writePatch(work, kernel.source, { path, from, to });
}

/** Puts statements at the beginning of a function's body. */
function patchFunction(path: string, name: RegExp, statements: string): string {
  const text = readFileSync(join(kernel.source, path), 'latin1');
  const head = new RegExp(`^[^\\n;]*${name.source}[^;{]*\\n\\{\\n`, 'm').exec(text)?.[0];
  if (head === undefined) throw new Error(`${path} of the kernel has no function ${name}`);
  return patchFor(path, head, `${head}${statements}\n`);
}

interface Created extends CreatedUpdate {
  readonly details: readonly string[];
}

async function create(patch: string, source?: string): Promise<Created> {
  const details: string[] = [];
  const ui = { ...silentUi, detail: (text: string) => details.push(text) };
  const created = await createUpdate({ patch, confdir, source, jobs: 2, output }, ui);
  return { ...created, details };
}

async function refusal(patch: string, source?: string): Promise<KspliceError> {
  try {
    await create(patch, source);
  } catch (error) {
    if (error instanceof KspliceError) return error;
    throw error;
  }
  throw new Error('create made an update');
}

/** What would tell that somebody wrote to a source tree. */
function picture(directory: string): string {
  const lines: string[] = [];
  const walk = (path: string) => {
    for (const entry of readdirSync(join(directory, path), { withFileTypes: true })) {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) walk(inside);
      const { ino, size, mtimeMs, mode } =
        statSync(join(directory, inside), { throwIfNoEntry: false }) ?? {};
      lines.push(`${inside} ${ino} ${size} ${entry.isDirectory() ? '' : mtimeMs} ${mode}`);
    }
  };
  walk('');
  return lines.join('\n');
}

/** The first work area that is seen: a test makes a second one, whose name may sort before it. */
let firstArea: string | undefined;
const area = () => {
  firstArea ??= readdirSync(join(cache, 'trees')).at(0);
  return join(cache, 'trees', firstArea ?? '');
};
const workTreeIsClean = () =>
  !existsSync(join(area(), 'journal.json')) &&
  !isHeld(join(area(), 'lock')) &&
  statSync(join(area(), 'tree/net/sctp/input.c')).ino ===
    statSync(join(kernel.source, 'net/sctp/input.c')).ino;

describe('create', () => {
  it('makes an update from nothing, and leaves the source as it was', async () => {
    const untouched = picture(kernel.source);
    const { id, file, report, description } = await create(sctpPatch);
    expect(file).toBe(join(output, `ksplice-${id}.tar.gz`));
    expect(description).toBe('sctp.patch');
    expect(report.objects).toMatchObject([{ target: 'sctp', object: 'net/sctp/input.o' }]);
    expect(report.objects[0]?.changed.map(({ name }) => name)).toContain('sctp_rcv');
    expect(report.provedAgainst).toContain(kernel.image);
    const update = await readUpdate(file);
    expect(update.kernel.release).toBe(kernel.release);
    expect(update.patch).toBe(readFileSync(sctpPatch, 'utf8'));
    const [change] = update.contents.changes;
    const program = decodeProgram(programOf(update, change!), file);
    expect(program.spans.filter((span) => span.replaced).map((span) => span.name)).toEqual(
      report.objects[0]?.changed.map(({ name }) => name),
    );
    expect(update.report).toMatchObject({ release: kernel.release, objects: report.objects });
    expect(picture(kernel.source)).toBe(untouched);
    expect(workTreeIsClean()).toBe(true);
    expect(readdirSync(join(cache, 'runs'))).toEqual([]);
  });

  it('makes it again without kbuild having anything to do for the pre object', async () => {
    const { details } = await create(sctpPatch);
    expect(details).toContain('pre objects: 1 cached, 0 to make');
    expect(details.some((line) => /^ {2}(CC|DESCEND) /.test(line) && !line.includes('[M]'))).toBe(
      false,
    );
  });
});

describe('verify', () => {
  const verify = (file: string) =>
    verifyMade(file, { patch: sctpPatch, confdir, jobs: 2 }, silentUi);

  it('makes the same files again, and names those that are others', async () => {
    const request = { patch: sctpPatch, confdir, jobs: 2, output };
    const vouched = { allowBusy: ['sctp_rcv'], supersedes: ['earlier'] };
    const said = { id: 'again', description: 'a fix', ...vouched };
    const { file } = await createUpdate({ ...request, ...said }, silentUi);
    const update = await readUpdate(file);
    const compared = [...update.files.keys()].filter((name) => name !== CHECKSUMS);
    expect(await verify(file)).toEqual({ id: 'again', files: compared.length, signed: [] });

    const module = 'ksplice_again_sctp_new.ko';
    const data = Buffer.from(update.files.get(module)!);
    const at = data.indexOf('GPL v2');
    data.write('GPL v9', at);
    const directory = await alteredUpdate(update, file, 'altered', module, data);
    await expect(verify(directory)).rejects.toMatchObject({
      code: 'not-reproduced',
      message: expect.stringContaining(`${module} is another`),
    });
  });

  long('makes the same tarball in other directories, byte by byte', async () => {
    const elsewhere = join(work, 'elsewhere');
    mkdirSync(elsewhere);
    cpSync(confdir, join(elsewhere, 'other-conf'), { recursive: true, verbatimSymlinks: true });
    vi.stubEnv('SOURCE_DATE_EPOCH', '1700000000');
    const tarball = async (from: string, to: string) => {
      const request = { patch: sctpPatch, confdir: from, jobs: 2, output: to, id: 'same' };
      return readFileSync((await createUpdate(request, silentUi)).file);
    };
    const first = await tarball(confdir, output);
    vi.stubEnv('KSPLICE_CACHE', join(elsewhere, 'cache'));
    const second = await tarball(join(elsewhere, 'other-conf'), elsewhere);
    vi.stubEnv('KSPLICE_CACHE', cache);
    vi.stubEnv('SOURCE_DATE_EPOCH', undefined);
    expect(second.equals(first)).toBe(true);
    expect((await readUpdate(join(elsewhere, 'ksplice-same.tar.gz'))).timestamp).toBe(
      '2023-11-14T22:13:20Z',
    );
  });
});

describe('create finds the objects', () => {
  long('of a file that another file includes', async () => {
    const patch = patchFunction(
      'kernel/sched/rt.c',
      /get_rr_interval_rt\(/,
      '\tif (!task)\n\t\treturn 1;',
    );
    const { report } = await create(patch);
    expect(report.objects).toMatchObject([
      { target: 'vmlinux', object: 'kernel/sched/build_policy.o' },
    ]);
    expect(report.objects[0]?.changed.map(({ name }) => name)).toEqual(['get_rr_interval_rt']);
  });

  it('of a header, and drops those whose code does not change', async () => {
    const patch = patchFunction(
      'fs/isofs/isofs.h',
      /isofs_get_ino\(/,
      '\tif (block == 4711)\n\t\toffset++;',
    );
    const { report } = await create(patch);
    expect(report.objects.map(({ object }) => object).sort()).toEqual([
      'fs/isofs/dir.o',
      'fs/isofs/inode.o',
    ]);
    const reason = (file: string) => `fs/isofs/${file}.c includes fs/isofs/isofs.h`;
    expect(report.considered).toContainEqual({
      object: 'fs/isofs/inode.o',
      targets: ['isofs'],
      reason: reason('inode'),
      outcome: 'changed',
    });
    expect(report.considered).toContainEqual({
      object: 'fs/isofs/util.o',
      targets: ['isofs'],
      reason: reason('util'),
      outcome: 'same code',
    });
  });

  long('of a file that a Makefile elsewhere names, and of assembly', async () => {
    const kvm = patchFunction(
      'virt/kvm/kvm_main.c',
      /\bfile_is_kvm\(/,
      '\tif (!file)\n\t\treturn false;',
    );
    const copy = patchFor('arch/x86/lib/copy_page_64.S', '\tALTERNATIVE', '\tnop\n\tALTERNATIVE');
    const both = join(work, 'both.patch');
    writeFileSync(both, readFileSync(kvm, 'latin1') + readFileSync(copy, 'latin1'), 'latin1');
    const { report } = await create(both);
    const changed = report.objects.map(({ target, object, changed: list }) => [
      target,
      object,
      list.map(({ name }) => name),
    ]);
    expect(changed.sort()).toEqual([
      ['kvm', 'virt/kvm/kvm_main.o', ['file_is_kvm']],
      ['vmlinux', 'arch/x86/lib/copy_page_64.o', ['copy_page']],
    ]);
  });

  it('of files that it adds, for the kernel proper and for a module', async () => {
    const added = (path: string, text: string) => {
      const lines = text.split('\n').map((line) => `+${line}\n`);
      const head = `--- a/${path}\t1970-01-01 00:00:00 +0000\n+++ b/${path}\n`;
      return `${head}@@ -0,0 +1,${lines.length} @@\n${lines.join('')}`;
    };
    const parts: string[] = [];
    const add = (file: string) => parts.push(readFileSync(file, 'latin1'));
    add(patchFor('kernel/time/Makefile', 'obj-y', 'obj-y += extra.o\nobj-y'));
    const late = '\tint extra_time(int which);\n\n\tif (extra_time(which))\n\t\treturn -EINVAL;';
    add(patchFunction('kernel/time/itimer.c', /\bdo_getitimer\(/, late));
    const name = 'sctp-$(CONFIG_PROC_FS)';
    add(patchFor('net/sctp/Makefile', name, `sctp-y += extra.o\n${name}`));
    const include = '#include <linux/types.h>';
    add(patchFor('net/sctp/bind_addr.c', include, `#include "extra.h"\n${include}`));
    const call = '\tif (extra_calls() == EXTRA)\n\t\treturn 1;';
    add(patchFunction('net/sctp/bind_addr.c', /\bsctp_is_any\(/, call));
    parts.push(
      added(
        'kernel/time/extra.c',
        'int extra_time(int which);\nint extra_time(int which)\n{\n\treturn which == 4711;\n}',
      ),
    );
    parts.push(added('net/sctp/extra.h', '#define EXTRA 4711\nint extra_calls(void);'));
    parts.push(
      added(
        'net/sctp/extra.c',
        '#include "extra.h"\nstatic int calls;\nint extra_calls(void)\n{\n\treturn ++calls;\n}',
      ),
    );
    const patch = join(work, 'added.patch');
    writeFileSync(patch, parts.join(''), 'latin1');
    const { report } = await create(patch);
    const made = report.objects.map(({ target, object, changed, added, addedData }) => [
      target,
      object,
      changed.length > 0,
      [...added, ...addedData],
    ]);
    expect(made.sort()).toEqual([
      ['sctp', 'net/sctp/bind_addr.o', true, []],
      ['sctp', 'net/sctp/extra.o', false, ['extra_calls', 'calls']],
      ['vmlinux', 'kernel/time/extra.o', false, ['extra_time']],
      ['vmlinux', 'kernel/time/itimer.o', true, []],
    ]);
    expect(workTreeIsClean()).toBe(true);
  });
});

describe('create refuses', () => {
  it('a patch that changes no running code', async () => {
    const patch = patchFor(
      'net/sctp/input.c',
      '#include <linux/types.h>',
      '/* why */\n#include <linux/types.h>',
    );
    expect(await refusal(patch)).toMatchObject({ code: 'no-changes', exitStatus: 66 });
    expect(await refusal(patchFor('MAINTAINERS', 'List of maintainers', 'List'))).toMatchObject({
      code: 'no-changes',
    });
  });

  it('a patch that does not compile, with the lines of the compiler', async () => {
    const patch = patchFunction('net/sctp/input.c', /\bsctp_rcv\(/, '\tint x = no_such_thing;');
    const error = await refusal(patch);
    expect(error.code).toBe('compile-failed');
    expect(error.message).toMatch(
      /^net\/sctp\/input\.c:\d+:\d+: error: .no_such_thing. undeclared/m,
    );
    expect(workTreeIsClean()).toBe(true);
  });

  it('files that are not compiled for this kernel', async () => {
    const vdso = patchFor(
      'arch/x86/entry/vdso/vclock_gettime.c',
      'return __cvdso',
      'return 1 + __cvdso',
    );
    expect(await refusal(vdso)).toMatchObject({ code: 'refused-change' });
    const gpio = patchFor('drivers/macintosh/adb.c', '{\n', '{\n\n');
    const error = await refusal(gpio);
    expect(error).toMatchObject({
      code: 'not-in-kernel',
      details: { files: ['drivers/macintosh/adb.c'] },
    });
  });

  it('a source directory that is none, and caches that kbuild cannot work in', async () => {
    expect(await refusal(sctpPatch, join(work, 'none'))).toMatchObject({ code: 'no-source' });
    for (const place of [join(work, 'with space'), join(kernel.source, 'cache')]) {
      process.env.KSPLICE_CACHE = place;
      try {
        expect(await refusal(sctpPatch)).toMatchObject({ code: 'usage' });
      } finally {
        process.env.KSPLICE_CACHE = cache;
      }
      expect(existsSync(place)).toBe(false);
    }
  });

  it('source of another version', async () => {
    const tree = join(work, 'other-source');
    const makefile = readFileSync(join(kernel.source, 'Makefile'), 'utf8');
    mkdirSync(join(tree, 'net/sctp'), { recursive: true });
    const sublevel = /^SUBLEVEL = (\d+)$/m.exec(makefile)?.[1];
    const other = makefile.replace(/^SUBLEVEL = .*$/m, `SUBLEVEL = ${Number(sublevel) - 1}`);
    writeFileSync(join(tree, 'Makefile'), other);
    writeFileSync(
      join(tree, 'net/sctp/input.c'),
      readFileSync(join(kernel.source, 'net/sctp/input.c')),
    );
    expect(await refusal(sctpPatch, tree)).toMatchObject({ code: 'kernel-mismatch' });
  });

  it('code that the image does not hold', async () => {
    const { release, source, image } = kernel;
    // The same kernel with other compiler options: the code is another one.
    const conf = join(work, 'conf-flags');
    await configure({ confdir: conf, release, source, image }, silentUi);
    const flags = 'KCFLAGS="-fno-inline-functions-called-once -ffunction-sections"\n';
    writeFileSync(join(conf, 'flags'), flags);
    const error = await createUpdate(
      { patch: sctpPatch, confdir: conf, jobs: 2, output: join(work, 'none') },
      silentUi,
    ).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'not-proved',
      advice: expect.stringMatching(
        /^net\/sctp\/input\.o: compiled with -ffunction-sections, and the loaded module was not/,
      ),
    });
    expect(existsSync(join(work, 'none'))).toBe(false);
  });
});

/** The program in a process of its own, that can be killed. */
function start(args: readonly string[]): ChildProcess {
  const program = `import { main } from '${ROOT}/src/cli/main.ts'; process.exitCode = await main(${JSON.stringify(args)});`;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: ROOT,
    stdio: 'ignore',
    env: { ...process.env, KSPLICE_CACHE: cache },
  });
}

const ended = (child: ChildProcess) =>
  new Promise<number | null>((done) => child.on('exit', (code) => done(code)));

async function until(what: () => boolean, child: ChildProcess): Promise<void> {
  while (!what()) {
    if (child.exitCode !== null)
      throw new Error(`create ended (${child.exitCode}) before it was due`);
    await new Promise((again) => setTimeout(again, 5));
  }
}

describe('create that is stopped in the middle', () => {
  const args = ['create', '--patch', sctpPatch, '--config', confdir, '--output', output, '-q'];
  const isPatched = () => existsSync(join(area(), 'journal.json'));

  it('puts the work tree back on a signal', async () => {
    const untouched = picture(join(kernel.source, 'net'));
    const runs = readdirSync(join(cache, 'runs'));
    const child = start(args);
    const end = ended(child);
    await until(isPatched, child);
    child.kill('SIGINT');
    expect(await end).toBe(130);
    expect(workTreeIsClean()).toBe(true);
    expect(readdirSync(join(cache, 'runs'))).toEqual(runs);
    expect(picture(join(kernel.source, 'net'))).toBe(untouched);
  });

  it('recovers at the next start after it was killed', async () => {
    const child = start(args);
    const end = ended(child);
    await until(isPatched, child);
    child.kill('SIGKILL');
    await end;
    expect(isPatched()).toBe(true);
    const { report } = await create(sctpPatch);
    expect(report.objects[0]?.changed.map(({ name }) => name)).toContain('sctp_rcv');
    expect(workTreeIsClean()).toBe(true);
  });

  it('lets two at once have their turns', async () => {
    const both = [start(args), start(args)].map(ended);
    expect(await Promise.all(both)).toEqual([0, 0]);
    expect(workTreeIsClean()).toBe(true);
  });
});
