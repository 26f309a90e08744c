// create --module with real modules, the kernel's real headers and no source.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { configure } from '../../src/configure/configure.js';
import { type CreatedUpdate, createUpdate } from '../../src/create/pipeline.js';
import type { ElfObject } from '../../src/elf/object.js';
import { readUpdate } from '../../src/update/read.js';
import { testKernel } from '../kernels/kernel.js';
import { long } from '../support/long.js';
import { ROOT, scratch, writePatch } from '../support/scratch.js';

const fixture = (name: string) => join(ROOT, 'test/fixtures', name);
const kernel = await testKernel();
const { work, cache, confdir, output } = scratch('module');
/** The same without an image: only headers and System.map. */
const bare = join(work, 'conf-bare');
const tunnel = join(work, 'tunnel');
const pair = join(work, 'pair');
const accounting = fixture('module-tunnel/accounting.patch');

function build(directory: string, ...words: string[]): void {
  const args = ['-s', '-C', kernel.headers, `M=${directory}`, ...words, 'modules'];
  execFileSync('make', args, { stdio: 'pipe' });
}

beforeAll(async () => {
  const { release, image } = kernel;
  for (const dir of [confdir, bare]) {
    await configure({ confdir: dir, release, source: null, image }, silentUi);
  }
  rmSync(join(bare, 'image'));
  cpSync(fixture('module-tunnel'), tunnel, { recursive: true });
  cpSync(fixture('module-pair'), pair, { recursive: true });
  for (const directory of [tunnel, pair]) build(directory);
});

interface Options {
  readonly conf?: string;
  readonly warnings?: string[];
  readonly only?: string[];
  readonly on?: string[];
}

function create(module: string, patch: string, options: Options = {}): Promise<CreatedUpdate> {
  const { conf = confdir, warnings = [], only, on } = options;
  const ui = { ...silentUi, warn: (text: string) => warnings.push(text) };
  const target = { module, patch, on, onlyTargets: only };
  return createUpdate({ ...target, confdir: conf, jobs: 2, output }, ui);
}

async function refusal(
  module: string,
  patch: string,
  options: Options = {},
): Promise<KspliceError> {
  const made = existing(output);
  try {
    await create(module, patch, options);
  } catch (error) {
    if (!(error instanceof KspliceError)) throw error;
    expect(existing(output)).toEqual(made);
    return error;
  }
  throw new Error('create made an update');
}

const existing = (directory: string) =>
  statSync(directory, { throwIfNoEntry: false }) ? readdirSync(directory) : [];

/** What would tell that somebody wrote to a directory. */
function picture(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return ['.', ...entries].map((entry) => {
    const { ino, size, mtimeMs, mode } = statSync(join(directory, entry));
    return `${entry} ${ino} ${size} ${mtimeMs} ${mode}`;
  });
}

const changedIn = ({ report }: CreatedUpdate) =>
  report.objects.map(({ target, object, changed }) => [
    target,
    object,
    changed.map(({ name }) => name).sort(),
  ]);

const ACCOUNTING = [
  ['udp_wire', 'receive.o', ['udp_wire_receive', 'udp_wire_show_received']],
  ['udp_wire', 'send.o', ['udp_wire_send']],
];

describe("a module's directory", () => {
  it('is all that is needed, and stays as it is', async () => {
    const untouched = picture(tunnel);
    const created = await create(tunnel, accounting);
    expect(changedIn(created)).toEqual(ACCOUNTING);
    expect(created.proof?.kernel).toContain(join(tunnel, 'udp-wire.ko'));
    expect(created.proof?.targets).toMatchObject([{ target: 'udp_wire', replaced: 3 }]);
    expect(picture(tunnel)).toEqual(untouched);
    expect(readdirSync(join(cache, 'runs'))).toEqual([]);
  });

  long('needs no image either: the module that was built in it is what runs', async () => {
    const created = await create(tunnel, accounting, { conf: bare });
    expect(changedIn(created)).toEqual(ACCOUNTING);
    expect(created.proof?.kernel).toBe(join(tunnel, 'udp-wire.ko'));
    expect(created.proof?.targets[0]?.resolved).toBeGreaterThan(0);
  });

  long('may have an update applied that this one is to be on', async () => {
    const { id, file } = await create(tunnel, accounting);
    const second = await create(tunnel, fixture('module-tunnel/cut.patch'), { on: [file] });
    expect(changedIn(second)).toEqual([
      ['udp_wire', 'receive.o', ['udp_wire_receive', 'udp_wire_show_received']],
    ]);
    expect(second.report.on).toEqual([id]);
    expect(second.proof?.targets).toMatchObject([{ target: 'udp_wire', replaced: 2 }]);
    const [change] = (await readUpdate(second.file)).contents.changes;
    const { modules } = await readUpdate(second.file);
    const names = modules.get(change!.newCode.module)!.info.object.symbols.map(({ name }) => name);
    expect(names).toContainEqual(
      expect.stringMatching(
        `^\\.klp\\.sym\\.ksplice_${id}_udp_wire_new\\.foreign\\.ksplice_${id},`,
      ),
    );
    expect(await refusal(pair, accounting, { on: [file] })).toMatchObject({
      code: 'patch-failed',
      message: expect.stringContaining(`the patch of update ${id}`),
    });
  });

  long('may say that each function has a section', async () => {
    const apart = join(work, 'tunnel-apart');
    cpSync(fixture('module-tunnel'), apart, { recursive: true });
    const kbuild = join(apart, 'Kbuild');
    writeFileSync(kbuild, `${readFileSync(kbuild, 'utf8')}\nccflags-y += -ffunction-sections\n`);
    build(apart);
    const created = await create(apart, accounting);
    expect(changedIn(created)).toEqual(ACCOUNTING);
    expect(created.proof?.targets).toMatchObject([{ target: 'udp_wire', replaced: 3 }]);
  });

  long(
    'may be without the module that runs: the kernel is compared when the update is applied',
    async () => {
      const clean = join(work, 'clean');
      cpSync(fixture('module-pair'), clean, { recursive: true });
      const change = { path: 'consumer/rest.c', from: '% 5', to: '% 6' };
      for (const conf of [bare, confdir]) {
        const created = await create(clean, writePatch(work, clean, change), { conf });
        expect(changedIn(created)).toEqual([
          ['big_consumer', 'consumer/rest.o', ['consumer_rest']],
        ]);
        expect(created).toMatchObject({ proof: null, report: { provedAgainst: null } });
      }
    },
  );

  long('may be one that cannot be written to', async () => {
    const directories = [tunnel];
    for (const directory of directories) chmodSync(directory, 0o555);
    try {
      expect(changedIn(await create(tunnel, accounting))).toEqual(ACCOUNTING);
    } finally {
      for (const directory of directories) chmodSync(directory, 0o755);
    }
  });

  it('may be moved after it was built', async () => {
    const moved = join(work, 'moved');
    cpSync(pair, moved, { recursive: true });
    const change = { path: 'consumer/rest.c', from: '% 5', to: '% 6' };
    const created = await create(moved, writePatch(work, moved, change), { conf: bare });
    expect(changedIn(created)).toEqual([['big_consumer', 'consumer/rest.o', ['consumer_rest']]]);
    // Its code names its files, by the names that they had then.
    expect(created.proof?.kernel).toBe(join(moved, 'consumer/big-consumer.ko'));
    const update = await readUpdate(created.file);
    const newCode = update.modules.get(update.contents.changes[0]!.newCode.module)!.info.object;
    const strings = newCode.sections.map(({ data }) => data.toString('latin1')).join('');
    expect(strings).toContain(`${pair}/consumer/../supplier.h`);
  });

  long('may make several modules, which use each other', async () => {
    const header = {
      path: 'supplier.h',
      from: 'number > 100 ? 100',
      to: 'number > 200 ? 200',
    };
    // An export that the module did not use before.
    const user = {
      path: 'consumer/main.c',
      from: 'supplier_twice(number) +',
      to: 'supplier_thrice(number) +',
    };
    const created = await create(pair, writePatch(work, pair, header, user), { conf: bare });
    expect(changedIn(created).sort()).toEqual([
      ['big_consumer', 'consumer/main.o', ['result_get']],
      ['big_consumer', 'consumer/rest.o', ['consumer_rest']],
      ['supplier', 'supplier.o', ['supplier_twice']],
    ]);
    expect(created.proof?.targets).toHaveLength(2);
    expect(await versions(created, 'big_consumer')).toContain('supplier_thrice');
    const narrowed = await create(pair, writePatch(work, pair, header, user), {
      only: ['big-consumer'],
    });
    expect(narrowed.report.targets.map(({ target }) => target)).toEqual(['big_consumer']);
  });

  long('may use what modules in other directories export', async () => {
    const user = join(work, 'user');
    cpSync(join(pair, 'consumer'), user, {
      recursive: true,
      filter: (path) => !/\.(o|ko|mod|cmd|mod\.c)$/.test(path),
    });
    cpSync(join(pair, 'supplier.h'), join(user, 'supplier.h'));
    const symvers = join(pair, 'Module.symvers');
    const rules = readFileSync(join(user, 'Kbuild'), 'utf8').replace('$(src)/..', '$(src)');
    writeFileSync(join(user, 'Kbuild'), `${rules}KBUILD_EXTRA_SYMBOLS := ${symvers}\n`);
    build(user);
    const change = { path: 'main.c', from: 'supplier_twice(', to: 'supplier_thrice(' };
    const created = await create(user, writePatch(work, user, change), { conf: bare });
    expect(await versions(created, 'big_consumer')).toContain('supplier_thrice');

    // The same from the environment, as users of kbuild give it.
    writeFileSync(join(user, 'Kbuild'), rules);
    vi.stubEnv('KBUILD_EXTRA_SYMBOLS', symvers);
    const again = await create(user, writePatch(work, user, change), { conf: bare });
    expect(await versions(again, 'big_consumer')).toContain('supplier_thrice');
    vi.stubEnv('KBUILD_EXTRA_SYMBOLS', undefined);
    const error = await refusal(user, writePatch(work, user, change), { conf: bare });
    expect(error).toMatchObject({ code: 'unresolved-symbol' });
    expect(error.message).toContain('supplier_thrice');
  });

  long('may be a part of the kernel, patched as the kernel is', async () => {
    const sctp = join(work, 'sctp');
    cpSync(join(kernel.source, 'net/sctp'), sctp, { recursive: true });
    const created = await create(sctp, join(ROOT, 'docs/examples/sctp.patch'));
    expect(changedIn(created)).toMatchObject([
      ['sctp', 'input.o', expect.arrayContaining(['sctp_rcv'])],
    ]);
    expect(created.proof?.kernel).toContain(kernel.image);
    expect(created.proof?.targets[0]?.functions).toBeGreaterThan(10);
  });
});

/** Symbols of which the new code of a target says the version. */
async function versions({ file }: CreatedUpdate, target: string): Promise<string[]> {
  const update = await readUpdate(file);
  const change = update.contents.changes.find((one) => one.target === target);
  const { object } = update.modules.get(change!.newCode.module)!.info;
  const data = (object as ElfObject).section('__versions')!.data;
  const names: string[] = [];
  // struct modversion_info: 64 bytes, of which the first eight are the CRC.
  for (let at = 0; at < data.length; at += 64) {
    names.push(data.toString('latin1', at + 8, at + 64).replace(/\0.*$/s, ''));
  }
  return names;
}

describe('refused is', () => {
  it('another source besides', async () => {
    const request = { module: tunnel, confdir, jobs: 1, output };
    for (const other of [{ patch: accounting, source: kernel.source }, { git: 'HEAD' }]) {
      const made = createUpdate({ ...request, ...other }, silentUi);
      await expect(made).rejects.toMatchObject({ code: 'usage' });
    }
  });

  /** A copy of the tunnel's directory in which a piece of text is another. */
  function altered(name: string, path: string, from: string | RegExp, to: string): string {
    const directory = join(work, name);
    cpSync(tunnel, directory, { recursive: true });
    const file = join(directory, path);
    const text = readFileSync(file, 'latin1');
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    writeFileSync(file, changed, 'latin1');
    return directory;
  }

  it('a directory that kbuild cannot build', async () => {
    const empty = join(work, 'empty');
    mkdirSync(empty);
    cpSync(join(tunnel, 'receive.c'), join(empty, 'receive.c'));
    const error = await refusal(empty, accounting);
    expect(error).toMatchObject({ code: 'no-source' });
    expect(error.message).toBe(`${empty} has neither Kbuild nor Makefile`);
    const without = altered('without', 'Kbuild', /^obj-m/m, 'obj-');
    expect(await refusal(without, accounting)).toMatchObject({
      code: 'no-source',
      message: `kbuild makes no module in ${without}`,
    });
  });

  it('a module that does not compile, with or without the patch', async () => {
    const broken = altered('broken', 'send.c', 'struct rtable *route;', 'struct rtable *road;');
    const untouched = picture(broken);
    const error = await refusal(broken, accounting);
    expect(error).toMatchObject({ code: 'compile-failed' });
    expect(error.message).toMatch(/^the unpatched module does not compile:$/m);
    expect(error.message).toMatch(/^send\.c:\d+:\d+: error: .route. undeclared/m);
    expect(picture(broken)).toEqual(untouched);
    const patch = writePatch(work, tunnel, {
      path: 'send.c',
      from: 'wire->remote, 0',
      to: 'remote, 0',
    });
    const patched = await refusal(tunnel, patch);
    expect(patched).toMatchObject({ code: 'compile-failed' });
    expect(patched.message).toMatch(/^send\.c:\d+:\d+: error: .remote. undeclared/m);
  });

  it('a patch that does not fit, or changes nothing', async () => {
    const other = altered('other', 'receive.c', 'udp_wire_count(&counters, skb->len);', '');
    const error = await refusal(other, accounting);
    expect(error).toMatchObject({ code: 'patch-failed' });
    expect(error.message).toMatch(/receive\.c:\d+: hunk 3 of 4 .* does not fit/);
    const foreign = await refusal(tunnel, join(ROOT, 'docs/examples/sctp.patch'));
    expect(foreign).toMatchObject({ code: 'patch-failed' });
    const comment = { path: 'send.c', from: ' * From the', to: ' * Out of the' };
    expect(await refusal(tunnel, writePatch(work, tunnel, comment))).toMatchObject({
      code: 'no-changes',
    });
  });

  it('a patch of what is in no module', async () => {
    const unused = join(work, 'unused');
    cpSync(tunnel, unused, { recursive: true });
    writeFileSync(join(unused, 'unused.c'), 'int unused;\n');
    const change = { path: 'unused.c', from: 'int', to: 'long' };
    const error = await refusal(unused, writePatch(work, unused, change));
    expect(error).toMatchObject({ code: 'not-in-kernel', details: { files: ['unused.c'] } });
    // Together with something that is, it is left out.
    const warnings: string[] = [];
    const both = { path: 'send.c', from: 'header->flags = 0;', to: 'header->flags = 1;' };
    const created = await create(unused, writePatch(work, unused, change, both), { warnings });
    expect(changedIn(created)).toEqual([['udp_wire', 'send.o', ['udp_wire_send']]]);
    expect(warnings).toContainEqual(expect.stringMatching(/^unused\.c is part of no module/));
  });

  it('a module of which the Makefile compiles with -flto', async () => {
    const lto = altered('lto', 'Kbuild', /^/, 'CFLAGS_send.o := -flto\n');
    expect(await refusal(lto, accounting)).toMatchObject({
      code: 'unsupported-object',
      message: expect.stringContaining('-flto'),
      details: { objects: ['send.o'] },
    });
  });

  it('a module of another kernel', async () => {
    const other = altered('vermagic', 'udp-wire.ko', /vermagic=\d/, 'vermagic=9');
    const error = await refusal(other, accounting);
    expect(error).toMatchObject({ code: 'kernel-mismatch' });
    expect(error.message).toContain(`${join(other, 'udp-wire.ko')} is a module of 9`);
  });

  it('a directory that the loaded module was not built from', async () => {
    const newer = altered('newer', 'receive.c', 'sequence != last + 1', 'sequence <= last');
    const error = await refusal(newer, accounting, { conf: bare });
    expect(error).toMatchObject({ code: 'not-proved' });
    expect(error.message).toContain(join(newer, 'udp-wire.ko'));
    expect(error.message).toContain('udp_wire_receive');
    expect(error.advice).toContain('the source from which the loaded module was built');
  });
});
