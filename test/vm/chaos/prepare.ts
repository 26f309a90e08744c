// What the guest finds on the host's disk: the updates, made by the tool and unpacked, and the
// programs, compiled.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { execa } from 'execa';
import { CORE_MODULE } from '../../../src/update/contents.js';
import { readUpdate } from '../../../src/update/read.js';
import type { TestKernel } from '../../kernels/kernel.js';
import { configure, ksplice, ROOT } from '../ksplice.js';
import { type ChaosUpdate, UPDATES } from './updates.js';

const PROGRAMS = ['ask', 'jumps', 'load', 'watch'];

/**
 * A directory with all that a guest with this kernel needs but its plan. Updates that are there
 * already, made by this very tool, stay.
 */
export async function prepare(
  kernel: TestKernel,
  updates: readonly ChaosUpdate[] = UPDATES,
): Promise<string> {
  const folder = join(ROOT, '.work', `chaos-${kernel.release}`);
  await mkdir(join(folder, 'bin'), { recursive: true });
  for (const name of PROGRAMS) {
    const source = join(import.meta.dirname, `${name}.c`);
    const flags = ['-static', '-pthread', '-O2', '-Wall', '-Werror'];
    await execa('gcc', [...flags, '-o', join(folder, 'bin', name), source]);
  }
  const tool = `${kernel.version} ${await digestOf(['dist', 'kmodsrc', 'templates'])}`;
  if ((await readFile(join(folder, 'tool'), 'utf8').catch(() => '')) !== tool) {
    await rm(join(folder, 'conf'), { recursive: true, force: true });
    await configure(kernel, join(folder, 'conf'));
    await writeFile(join(folder, 'tool'), tool);
  }
  const lines: string[] = [];
  for (const update of updates) lines.push(await makeUpdate(kernel, folder, update, tool));
  await writeFile(join(folder, 'updates'), lines.join(''));
  return folder;
}

/** Of everything in these folders. */
async function digestOf(folders: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
      hash.update(path).update(await readFile(path));
    }
  }
  return hash.digest('hex');
}

/** The text of an update's file before and after it. */
async function textsOf(
  kernel: TestKernel,
  { file, edits, on }: ChaosUpdate,
): Promise<[before: string, after: string]> {
  const base = UPDATES.find(({ id }) => id === on);
  const before =
    base === undefined
      ? await readFile(join(kernel.source, file), 'utf8')
      : (await textsOf(kernel, base))[1];
  let after = before;
  for (const [from, to] of edits) {
    if (!from.test(after)) throw new Error(`${file} has no ${from}`);
    after = after.replace(from, to);
  }
  return [before, after];
}

const archiveOf = (folder: string, id: string) => join(folder, `ksplice-${id}.tar.gz`);

/** Makes it with the tool, and unpacks its modules; the line of the driver's table about it. */
async function makeUpdate(
  kernel: TestKernel,
  folder: string,
  update: ChaosUpdate,
  tool: string,
): Promise<string> {
  const { id, file, on = '', allowBusy: busy = '', module = '', asks } = update;
  const archive = archiveOf(folder, id);
  const [before, after] = await textsOf(kernel, update);
  const patch = createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after);
  const made = join(folder, `${id}.made`);
  const from = `${tool}\n${JSON.stringify(update)}\n${patch}`;
  if ((await readFile(made, 'utf8').catch(() => '')) !== from) {
    console.log(`making the update ${id}`);
    await create(folder, update, patch);
    await writeFile(made, from);
  }
  const { contents, modules } = await readUpdate(archive);
  const unpack = async (name: string) => {
    const path = join(folder, `${name}.ko`);
    await writeFile(path, modules.get(name)!.data);
    return path;
  };
  await unpack(CORE_MODULE);
  const old = await Promise.all(contents.changes.map(({ oldCode }) => unpack(oldCode.module)));
  const added = await Promise.all(contents.changes.map(({ newCode }) => unpack(newCode.module)));
  const fields = [id, old.join(' '), added.join(' '), busy, archive, module, asks, on];
  return `${fields.join('\t')}\n`;
}

async function create(folder: string, update: ChaosUpdate, text: string): Promise<void> {
  const { id, on, allowBusy } = update;
  const patch = join(folder, `${id}.patch`);
  await writeFile(patch, text);
  const args = ['--patch', patch, '--config', join(folder, 'conf'), '--id', id, '--output', folder];
  if (on !== undefined) args.push('--on', archiveOf(folder, on));
  if (allowBusy !== undefined) args.push('--allow-busy', allowBusy);
  await rm(archiveOf(folder, id), { force: true });
  await ksplice(['create', ...args]);
}
