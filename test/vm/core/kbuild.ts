// Builds what the tests of the kernel core load: the core, a target module, and
// updates whose parts are chosen freely, right or wrong. Programs come from
// the real generator and modules from the real templates; only the new code
// is plain C, compiled with the update.

import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { silentUi } from '../../../src/base/ui.js';
import { ElfObject } from '../../../src/elf/object.js';
import { readTableSizes, type TableSizes, tablesProbeSource } from '../../../src/elf/tables.js';
import type { CalledHook, Ref } from '../../../src/extract/extraction.js';
import {
  type Base as LowerTarget,
  renderKbuild,
  renderNewCode,
  renderOldCode,
  sourceNames,
} from '../../../src/extract/templates.js';
import { openKernelImage } from '../../../src/kernel/kernel-files.js';
import { generateProgram } from '../../../src/match/generate.js';
import { convertToLivepatch, undefinedSymbols } from '../../../src/module/livepatch.js';
import { encodeProgram } from '../../../src/program/encode.js';
import type { Program } from '../../../src/program/program.js';
import { hasOption, type TestKernel } from '../../kernels/kernel.js';
import { digestOf, locked } from '../../support/once.js';
import { spending } from '../../support/spent.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');

/** Everything that the updates are made from, compiled. */
export interface Base {
  readonly kernel: TestKernel;
  readonly directory: string;
  /** Has the directories of the core, its symbols among them. */
  readonly compiled: string;
  /** The finished core and target modules. */
  readonly core: string;
  readonly target: string;
  /** Two hundred functions. */
  readonly many: string;
  /** Uses the core's shadow variables while it is loaded. */
  readonly shadow: string;
  /** A livepatch of the kernel's own kind, of core_plain in the target. */
  readonly livepatch: string;
  /** Stops function tracing for good, and is not loaded then. */
  readonly ftraceKill: string;
  /** Whether the kernel could load it, and resolves the relocations of `core`. */
  readonly hasLivepatch: boolean;
  readonly tables: TableSizes;
  /** The objects that programs can be made of, by target. */
  readonly objects: ReadonlyMap<string, ElfObject>;
  hasKallsyms(name: string): boolean;
}

export interface Change {
  readonly target: 'core_target' | 'core_many' | 'vmlinux';
  /** The functions to replace, each by new_NAME of modules/new.c. */
  readonly functions: readonly string[];
  /** Read-only data to write over, each by new_NAME. */
  readonly data?: readonly string[];
  /** Spoils the program. */
  readonly spoil?: (program: Program) => Program;
  readonly spoilBytes?: (program: Buffer) => Buffer;
  /** Places in the new code, each with the symbol whose value it should have. */
  readonly refs?: readonly { readonly index: number; readonly symbol: string }[];
  /** Functions of modules/new.c. */
  readonly hooks?: readonly CalledHook[];
  /** The cookie of the new code, if it is not the program's. */
  readonly newCookie?: bigint;
}

export interface Update {
  readonly id: string;
  readonly changes: readonly Change[];
  /** The number that the new code claims, if it is not that of the changes. */
  readonly targetCount?: number;
  /** Ids of the updates that it says it is on. */
  readonly on?: readonly string[];
  /** What its functions add to their answers. */
  readonly suffix?: string;
}

/** Finished modules of one update, by target. */
export interface Built {
  readonly id: string;
  readonly modules: readonly {
    readonly target: string;
    readonly old: string;
    readonly new: string;
  }[];
}

async function make(kernel: TestKernel, directory: string, ...words: string[]): Promise<string> {
  const args = ['-C', kernel.headers, `M=${directory}`, '-j2', ...(kernel.make ?? []), ...words];
  const run = () => execa('make', args, { all: true, timeout: 600_000 });
  return (await spending('make', run)).all;
}

/**
 * The core has to compile without a warning, but modpost cannot know what the loader finds. It has
 * its own shadow variables here, whatever the kernel has.
 */
async function makeCore(kernel: TestKernel, directory: string): Promise<void> {
  const words = ['W=1', 'KBUILD_MODPOST_WARN=1', 'KSPLICE_OWN_SHADOW=y'];
  const output = await make(kernel, directory, ...words, 'modules');
  const lines = output.split('\n').filter((line) => /\bwarning:/i.test(line));
  const others = lines.filter((line) => !/^WARNING: modpost: .*(undefined!|unresolved)/.test(line));
  if (others.length > 0) throw new Error(others.join('\n'));
}

/** What the core needs of the kernel, and the kernel does not export, is there once. */
function bindToKernel(kernel: TestKernel, ko: Buffer): Buffer {
  const symvers = readFileSync(join(kernel.headers, 'Module.symvers'), 'utf8');
  const exported = new Set(symvers.split('\n').map((line) => line.split('\t')[1]));
  const missing = undefinedSymbols(new ElfObject(ko, 'ksplice.ko'));
  const bindings = missing
    .filter((name) => !exported.has(name))
    .map((name) => ({ symbol: name, object: 'vmlinux', name, position: 1 }));
  return convertToLivepatch(ko, bindings);
}

/**
 * Builds a copy of the core in a directory that has its sources.
 * @returns the finished module's bytes
 */
export async function buildCore(kernel: TestKernel, directory: string): Promise<Buffer> {
  await makeCore(kernel, directory);
  return bindToKernel(kernel, await readFile(join(directory, 'ksplice.ko')));
}

const coreSymbols = (directory: string) =>
  `KBUILD_EXTRA_SYMBOLS=${join(directory, 'core/Module.symvers')}`;

/**
 * What of a base is the same for all tests of a kernel: the core, the target module, and the kernel's
 * fs/proc/cmdline.c, compiled once in `.work/core-base` and again when a source of them changes.
 * @returns the directory; nothing in it may be changed
 */
async function compileBase(kernel: TestKernel, hasLivepatch: boolean): Promise<string> {
  // All that the directory is made of and with.
  const own = ['kmodsrc', 'src/elf', 'src/module'].map((path) => join(root, path));
  const sources = [...own, join(here, 'modules'), fileURLToPath(import.meta.url)];
  const digest = await digestOf(sources, `${kernel.headers} ${kernel.version}`);
  const parent = join(root, '.work', 'core-base');
  // A core that is made otherwise is another one, and both may be in use at once.
  const bits = process.env.KSPLICE_EXITING_BITS;
  const kind = `${bits === undefined ? '' : `room-${bits}-`}${kernel.release}-`;
  const place = join(parent, `${kind}${digest}`);
  await mkdir(parent, { recursive: true });
  await locked(join(parent, 'lock'), async () => {
    if (existsSync(place)) return;
    for (const name of await readdir(parent)) {
      if (name.startsWith(kind)) await rm(join(parent, name), { recursive: true });
    }
    await compileInto(`${place}.part`, kernel, hasLivepatch);
    await rename(`${place}.part`, place);
  });
  return place;
}

async function compileInto(
  directory: string,
  kernel: TestKernel,
  hasLivepatch: boolean,
): Promise<void> {
  const at = (...names: string[]) => join(directory, ...names);
  await mkdir(directory);
  await cp(join(root, 'kmodsrc'), at('core'), { recursive: true });
  await cp(join(here, 'modules'), at('target'), { recursive: true });
  await mkdir(at('pre'));
  // As it is in the kernel proper: some of what it includes cannot be compiled for a module.
  const cmdline = await readFile(join(kernel.source, 'fs/proc/cmdline.c'), 'utf8');
  await writeFile(at('pre/cmdline.c'), `#undef MODULE\n${cmdline}`);
  await writeFile(at('pre/tables.c'), tablesProbeSource);
  const lines =
    `obj-m := core_target.o core_many.o core_shadow.o ftrace-kill.o ${hasLivepatch ? 'core_livepatch.o' : ''}\n` +
    'core_many-y := many.o\ncore_shadow-y := shadow.o\n' +
    `ccflags-y := -I${join(root, 'kmodsrc/include')}\n` +
    'core_target-y := target.o twin.o hidden.o\ncore_livepatch-y := livepatch.o\n';
  await writeFile(at('target/Kbuild'), lines);
  const includes = `ccflags-y := -I${join(kernel.source, 'fs/proc')}\n`;
  await writeFile(at('pre/Kbuild'), `obj-m := cmdline.o tables.o\n${includes}`);
  await writeFile(at('ksplice.ko'), await buildCore(kernel, at('core')));
  await make(kernel, at('target'), coreSymbols(directory), 'modules');
  await make(kernel, at('pre'), 'cmdline.o', 'tables.o');
}

/** What the updates of a test are made from. Its `directory` is the test's own, and is taken away by it. */
export async function buildBase(kernel: TestKernel): Promise<Base> {
  const hasLivepatch = await hasOption(kernel, 'LIVEPATCH');
  const compiled = await compileBase(kernel, hasLivepatch);
  const at = (...names: string[]) => join(compiled, ...names);

  const object = async (...names: string[]) => {
    const path = at(...names);
    return new ElfObject(await readFile(path), path);
  };

  const image = await openKernelImage(kernel.image, silentUi);
  const names = new Set(image.symbols.map(({ name }) => name));
  for (const module of ['core_target', 'core_many']) {
    for (const { name } of (await object(`target/${module}.ko`)).symbols) names.add(name);
  }
  return {
    kernel,
    directory: await mkdtemp(join(tmpdir(), 'ksplice-core-test-')),
    compiled,
    core: at('ksplice.ko'),
    target: at('target/core_target.ko'),
    many: at('target/core_many.ko'),
    shadow: at('target/core_shadow.ko'),
    livepatch: at('target/core_livepatch.ko'),
    ftraceKill: at('target/ftrace-kill.ko'),
    hasLivepatch,
    tables: readTableSizes(await object('pre/tables.o')),
    objects: new Map([
      ['core_target', await object('target/target.o')],
      ['core_many', await object('target/many.o')],
      ['vmlinux', await object('pre/cmdline.o')],
    ]),
    hasKallsyms: (name) => names.has(name),
  };
}

/** Makes and compiles the modules of some updates, all in one go. */
export async function buildUpdates(
  base: Base,
  updates: readonly Update[],
): Promise<Map<string, Built>> {
  const directory = join(base.directory, 'updates');
  await mkdir(directory);
  for (const update of updates) {
    const on = (update.on ?? []).map((id) => updates.find((other) => other.id === id)!);
    await writeUpdate(base, join(directory, update.id), update, on.flatMap(basesOf));
  }
  const folders = updates.map(({ id }) => `${id}/`).join(' ');
  await writeFile(join(directory, 'Kbuild'), `obj-y := ${folders}\n`);
  await make(base.kernel, directory, coreSymbols(base.compiled), 'modules');
  return new Map(
    updates.map(({ id, changes }) => {
      const file = (target: string, kind: string) =>
        join(directory, id, `ksplice_${id}_${target}_${kind}.ko`);
      const modules = changes.map(({ target }) => ({
        target,
        old: file(target, 'old'),
        new: file(target, 'new'),
      }));
      return [id, { id, modules }];
    }),
  );
}

/** Of one target; no two updates have the same. */
function cookieOf(id: string, index: number): bigint {
  return (BigInt(`0x${Buffer.from(id.slice(0, 7)).toString('hex')}`) << 8n) + BigInt(index);
}

function basesOf({ id, changes }: Update): LowerTarget[] {
  return changes.map(({ target }, index) => ({ id, target, cookie: cookieOf(id, index) }));
}

async function writeUpdate(
  base: Base,
  folder: string,
  update: Update,
  bases: readonly LowerTarget[],
): Promise<void> {
  const template = (name: string) => readFile(join(root, 'templates', name), 'utf8');
  const { id, changes } = update;
  await mkdir(folder);
  const files = [];
  for (const change of changes) {
    const { target } = change;
    const cookie = cookieOf(id, files.length);
    const names = sourceNames(target);
    const generated = generate(base, change, cookie);
    const program = encodeProgram(change.spoil?.(generated.program) ?? generated.program);
    const modules = { id, target, targetCount: update.targetCount ?? changes.length, bases };
    const code = {
      object: Buffer.alloc(0),
      exported: [],
      bindings: [],
      changes: [
        ...change.functions.map((name) => changeOf(generated, name, false)),
        ...(change.data ?? []).map((name) => changeOf(generated, name, true)),
      ],
      hooks: change.hooks ?? [],
      refs: (change.refs ?? []).map(({ index, symbol }) => refOf(generated, index, symbol)),
      sealed: { keys: [], count: 0 },
      namespaces: [],
    };
    const newModules = { ...modules, cookie: change.newCookie ?? cookie };
    const write = (name: string, data: string | Buffer) => writeFile(join(folder, name), data);
    await write(names.newSource, renderNewCode(await template('new_code_mod.c'), newModules, code));
    await write(
      names.oldSource,
      renderOldCode(await template('old_code_mod.c'), { ...modules, cookie }),
    );
    await write(names.program, change.spoilBytes?.(program) ?? program);
    // In place of the object that an extracted update has.
    for (const header of ['target.h', 'many.h']) {
      await cp(join(here, 'modules', header), join(folder, header));
    }
    await cp(
      join(here, 'modules', target === 'core_many' ? 'new_many.c' : 'new.c'),
      join(folder, names.newObject.replace('.o_shipped', '.c')),
    );
    const name = `ksplice_${id}_${target}`;
    files.push({ target, newModule: `${name}_new`, oldModule: `${name}_old` });
  }
  const include = join(base.compiled, 'core');
  await writeFile(
    join(folder, 'Kbuild'),
    withoutShipped(renderKbuild(await template('Kbuild'), id, include, files)) +
      `\nccflags-y += -DSUFFIX='"${update.suffix ?? ''}"'\n`,
  );
}

/** The rules for finished objects of new code: these here are compiled. */
function withoutShipped(kbuild: string): string {
  return kbuild.replaceAll(/^.*_shipped\n\t.*$/gm, '');
}

type Made = ReturnType<typeof generateProgram>;

const LABEL = 'test/object.o';

function generate(base: Base, { target, functions, data }: Change, cookie: bigint): Made {
  const object = base.objects.get(target);
  if (!object) throw new Error(`there is no object of ${target}`);
  return generateProgram({
    objects: [{ object, label: LABEL, replaced: new Set(functions), written: new Set(data) }],
    target,
    hasKallsyms: base.hasKallsyms,
    tables: base.tables,
    cookie,
  });
}

function changeOf(generated: Made, name: string, isData: boolean) {
  const span = generated.spanOf(LABEL, name);
  if (span === undefined) throw new Error(`the program has no ${name}`);
  return { label: LABEL, name, span, symbol: `new_${name}`, isData };
}

function refOf(generated: Made, index: number, symbol: string): Ref {
  const place = generated.keyOf(LABEL, symbol);
  if (place === undefined) throw new Error(`the program has no key for ${symbol}`);
  const { key, offset } = place;
  return {
    symbol: 'new_refs',
    offset: 8 * index,
    width: 8,
    pcrel: false,
    signed: false,
    addend: Number(offset),
    key,
  };
}
