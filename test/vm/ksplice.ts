// The tool itself, as a user calls it: on the host to make updates, in the guest
// to apply them.

import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { TestKernel } from '../kernels/kernel.js';
import type { Guest } from './harness/index.js';

export const ROOT = resolve(import.meta.dirname, '../..');
const TOOL = join(ROOT, 'bin', 'ksplice-ts.js');

/** One of the patches in docs/examples. */
export function examplePatch(name: string): string {
  return join(ROOT, 'docs', 'examples', `${name}.patch`);
}

/** The one object that a command prints with --json. */
export type Answer = Record<string, unknown>;

/** Runs the tool on the host. Throws with its error message when it fails. */
export async function ksplice(args: string[], env: Record<string, string> = {}): Promise<Answer> {
  const options = {
    env: { ...process.env, ...env },
    maxBuffer: 64 << 20,
    timeout: 600_000,
  };
  try {
    const run = promisify(execFile)(process.execPath, [TOOL, ...args, '--json'], options);
    return JSON.parse((await run).stdout) as Answer;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`ksplice-ts ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** Makes a configuration directory for the test kernel. */
export async function configure(kernel: TestKernel, confdir: string): Promise<void> {
  const { release, source, image } = kernel;
  await ksplice(['configure', confdir, '--kernel', release, '--source', source, '--image', image]);
}

/**
 * Makes the update of an example with `create`, all below `.work/NAME`; the cache of
 * prepared trees is the user's own. The ID is the name, so that tests can speak of it.
 */
export async function exampleUpdate(
  kernel: TestKernel,
  name: string,
  id: string,
): Promise<{ file: string; answer: Answer }> {
  const folder = join(ROOT, '.work', `update-${name}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const confdir = join(folder, 'conf');
  await configure(kernel, confdir);
  const patch = ['--patch', examplePatch(name), '--config', confdir];
  const answer = await ksplice(['create', ...patch, '--id', id, '--output', folder]);
  return { file: join(folder, `ksplice-${id}.tar.gz`), answer };
}

/** A command of the tool in the guest that must succeed; its answer. */
export async function kspliceIn(guest: Guest, command: string): Promise<Answer> {
  const line = `${process.execPath} ${TOOL} ${command} --json`;
  return JSON.parse(await guest.ok(line, { timeoutMs: 120_000 })) as Answer;
}

/** The names of loaded modules that belong to ksplice-ts. */
export async function kspliceModules(guest: Guest): Promise<string[]> {
  const modules = await guest.ok("awk '/^ksplice/ { print $1 }' /proc/modules");
  return modules.split('\n').filter(Boolean).sort();
}
