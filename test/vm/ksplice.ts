// The tool itself, as a user calls it: on the host to make updates, in the guest
// to apply them.

import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { execa } from 'execa';
import { CHECKSUMS, formatChecksums } from '../../src/update/checksums.js';
import type { Update } from '../../src/update/update.js';
import type { TestKernel } from '../kernels/kernel.js';
import { digestOf, locked, removeOld } from '../support/once.js';
import { spending } from '../support/spent.js';
import type { Guest } from './harness/index.js';

export const ROOT = resolve(import.meta.dirname, '../..');
const TOOL = join(ROOT, 'bin', 'ksplice-ts.js');

/** One of the patches in docs/examples. */
export function examplePatch(name: string): string {
  return join(ROOT, 'docs', 'examples', `${name}.patch`);
}

/** The one object that a command prints with --json. */
export type Answer = Record<string, unknown>;

export interface KspliceOptions {
  env?: Record<string, string>;
  /** what it is doing goes to our own stderr, for a person to see */
  progress?: boolean;
  /** further words for `create` */
  args?: readonly string[];
}

/** Runs the tool on the host. Throws with its error message when it fails. */
export async function ksplice(args: string[], options: KspliceOptions = {}): Promise<Answer> {
  const { env = {}, progress = false } = options;
  const call = () =>
    execa(process.execPath, [TOOL, ...args, '--json'], {
      env,
      stderr: progress ? 'inherit' : 'pipe',
      timeout: 600_000,
      reject: false,
    });
  const { failed, stdout, stderr } = await spending(args[0] ?? '', call);
  if (failed) throw new Error(`ksplice-ts ${args.join(' ')} failed:\n${stdout}\n${stderr ?? ''}`);
  return JSON.parse(stdout) as Answer;
}

/** Makes a configuration directory for the test kernel. The tool makes one, and tests have copies of it. */
export async function configure(
  kernel: TestKernel,
  confdir: string,
  { source: needed = true } = {},
): Promise<void> {
  const parent = join(ROOT, '.work', 'configured');
  const tool = join(ROOT, 'dist', 'ksplice-ts.cjs');
  const made = join(parent, await digestOf([tool], JSON.stringify([kernel, needed])));
  await mkdir(parent, { recursive: true });
  await locked(`${parent}.lock`, async () => {
    if (existsSync(made)) return;
    await removeOld(parent);
    await configureAt(kernel, `${made}.part`, needed);
    await rename(`${made}.part`, made);
  });
  await rm(confdir, { recursive: true, force: true });
  await cp(made, confdir, { recursive: true, verbatimSymlinks: true });
}

async function configureAt(kernel: TestKernel, confdir: string, needed: boolean): Promise<void> {
  const { release, source, image, build } = kernel;
  const without = needed ? [] : ['--no-source'];
  const stock = ['--kernel', release, '--image', image, ...(needed ? ['--source', source] : [])];
  // Where the kernel was built, everything else is found.
  await ksplice(['configure', confdir, ...(build ? ['--build', build] : stock), ...without]);
}

/**
 * Makes the update of an example with `create`, all below `.work/update-ID-RELEASE`; the cache
 * of prepared trees is the user's own. The ID is the name, so that tests can speak of it.
 */
export async function exampleUpdate(
  kernel: TestKernel,
  name: string,
  id: string,
  options: KspliceOptions = {},
): Promise<{ file: string; answer: Answer }> {
  const folder = join(ROOT, '.work', `update-${id}-${kernel.release}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const confdir = join(folder, 'conf');
  await configure(kernel, confdir);
  const patch = ['--patch', examplePatch(name), '--config', confdir];
  const args = ['create', ...patch, '--id', id, '--output', folder, ...(options.args ?? [])];
  const answer = await ksplice(args, options);
  return { file: join(folder, `ksplice-${id}.tar.gz`), answer };
}

/** What takes the place of the text that an expression finds; `$&` and the like are read as with String.replace(). */
export type SourceEdit = readonly [from: RegExp, to: string];

/**
 * A patch of edits to one file of a kernel's source, which may go into one with others.
 * @param below edits that the file has already, by an update below
 * @throws Error if the file does not have what is to be replaced
 */
export function sourcePatch(
  kernel: TestKernel,
  file: string,
  edits: readonly SourceEdit[],
  below: readonly SourceEdit[] = [],
): string {
  const edited = (text: string, list: readonly SourceEdit[]) =>
    list.reduce((now, [from, to]) => {
      if (!from.test(now)) throw new Error(`${file} has no ${from}`);
      return now.replace(from, to);
    }, text);
  const before = edited(readFileSync(join(kernel.source, file), 'utf8'), below);
  return createTwoFilesPatch(`a/${file}`, `b/${file}`, before, edited(before, edits));
}

/**
 * An update with one file changed and its checksums right again, unpacked beside its archive.
 * @returns the directory, as `apply` takes it
 */
export async function alteredUpdate(
  update: Update,
  archive: string,
  name: string,
  file: string,
  data: Buffer,
): Promise<string> {
  const directory = join(dirname(archive), name, `ksplice-${update.id}`);
  const files = new Map(update.files);
  files.set(file, data);
  files.set(CHECKSUMS, Buffer.from(formatChecksums(files)));
  for (const [path, contents] of files) {
    const place = join(directory, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, contents);
  }
  return directory;
}

/**
 * Node in a guest makes no machine code: in one of some thousand runs it died of SIGSEGV there, and never
 * outside, and code that changes while it runs is what QEMU is known to have trouble with.
 */
const GUEST_NODE = `${process.execPath} --no-opt --no-sparkplug --regexp-interpret-all`;

/** The tool in the guest: its command comes next. */
export const TOOL_IN_GUEST = `${GUEST_NODE} ${TOOL}`;

/**
 * The command line for the guest, with its answer on stdout.
 * @param node its program, and options for it
 */
export function toolLine(command: string, node = GUEST_NODE): string {
  return `${node} ${TOOL} ${command} --json`;
}

/** A command of the tool in the guest that must succeed; its answer. */
export async function kspliceIn(guest: Guest, command: string): Promise<Answer> {
  return JSON.parse(await guest.ok(toolLine(command), { timeoutMs: 120_000 })) as Answer;
}

/**
 * The tool's words for a command line, called by a user without rights. The
 * repository may lie in a home that only its owner enters, so it is seen at
 * another place as well.
 */
export async function asNobody(guest: Guest, args: string): Promise<string> {
  const open = '/mnt/ksplice-ts';
  await guest.ok(`mkdir -p ${open} && mount --bind ${ROOT} ${open}`);
  const user = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
  const line = `${user} ${GUEST_NODE} ${TOOL} ${args} --json`.replaceAll(ROOT, open);
  return (await guest.run(line, { timeoutMs: 240_000 })).stdout;
}

/** A command of the tool in the guest that must be refused; the error. */
export async function kspliceFails(
  guest: Guest,
  command: string,
): Promise<{ code: string; message: string; advice: string }> {
  const { status, stdout } = await guest.run(toolLine(command), { timeoutMs: 120_000 });
  if (status !== 1) throw new Error(`${command} was not refused (exit status ${status})`);
  return (JSON.parse(stdout) as { error: { code: string; message: string; advice: string } }).error;
}

/** The names of loaded modules that belong to ksplice-ts. */
export async function kspliceModules(guest: Guest): Promise<string[]> {
  const modules = await guest.ok("awk '/^ksplice/ { print $1 }' /proc/modules");
  return modules.split('\n').filter(Boolean).sort();
}
