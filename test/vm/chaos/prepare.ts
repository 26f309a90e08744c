// What the guest finds on the host's disk: the updates, made by the tool and unpacked, and the
// programs, compiled.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { execa } from 'execa';
import { CORE_MODULE } from '../../../src/update/contents.js';
import { readUpdate } from '../../../src/update/read.js';
import type { TestKernel } from '../../kernels/kernel.js';
import { configure, ksplice, ROOT } from '../ksplice.js';
import { type ChaosUpdate, UPDATES } from './updates.js';

const PROGRAMS = ['ask', 'jumps', 'load', 'watch'];

/** A directory with all that a guest with this kernel needs but its plan. */
export async function prepare(kernel: TestKernel): Promise<string> {
  const folder = join(ROOT, '.work', `chaos-${kernel.release}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'bin'), { recursive: true });
  for (const name of PROGRAMS) {
    const source = join(import.meta.dirname, `${name}.c`);
    const flags = ['-static', '-pthread', '-O2', '-Wall', '-Werror'];
    await execa('gcc', [...flags, '-o', join(folder, 'bin', name), source]);
  }
  await configure(kernel, join(folder, 'conf'));
  const lines: string[] = [];
  for (const update of UPDATES) {
    console.log(`making the update ${update.id}`);
    lines.push(await makeUpdate(kernel, folder, update));
  }
  await writeFile(join(folder, 'updates'), lines.join(''));
  return folder;
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

/** Makes it with the tool, and unpacks its modules; the line of the driver's table about it. */
async function makeUpdate(
  kernel: TestKernel,
  folder: string,
  update: ChaosUpdate,
): Promise<string> {
  const { id, file, on, allowBusy, module = '', asks } = update;
  const patch = join(folder, `${id}.patch`);
  const [before, after] = await textsOf(kernel, update);
  await writeFile(patch, createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after));
  const archiveOf = (one: string) => join(folder, `ksplice-${one}.tar.gz`);
  const args = ['--patch', patch, '--config', join(folder, 'conf'), '--id', id, '--output', folder];
  if (on !== undefined) args.push('--on', archiveOf(on));
  if (allowBusy !== undefined) args.push('--allow-busy', allowBusy);
  await ksplice(['create', ...args]);
  const { contents, modules } = await readUpdate(archiveOf(id));
  const unpack = async (name: string) => {
    const path = join(folder, `${name}.ko`);
    await writeFile(path, modules.get(name)!.data);
    return path;
  };
  await unpack(CORE_MODULE);
  const old = await Promise.all(contents.changes.map(({ oldCode }) => unpack(oldCode.module)));
  const added = await Promise.all(contents.changes.map(({ newCode }) => unpack(newCode.module)));
  const busy = allowBusy ?? '';
  const fields = [id, old.join(' '), added.join(' '), busy, archiveOf(id), module, asks];
  return `${fields.join('\t')}\n`;
}
