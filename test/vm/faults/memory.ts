// The core without memory: a build of it in which each of its own allocations can be
// made to fail. (The stock kernel has no fault injection.)

import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestKernel } from '../../kernels/kernel.js';
import { buildCore } from '../core/kbuild.js';
import type { Guest } from '../harness/index.js';
import { kspliceIn, kspliceModules, ROOT, toolLine } from '../ksplice.js';
import { ID } from './faults.js';

const PATIENT = { timeoutMs: 600_000 };

export interface MemoryVerdict {
  /** "FUNCTION:ALLOCATOR" */
  readonly place: string;
  readonly ended: string;
  readonly code: 'as before' | 'updated';
}

/** Builds that core in `directory`; returns the module's bytes. */
export async function buildFailingCore(kernel: TestKernel, directory: string): Promise<Buffer> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await cp(join(ROOT, 'kmodsrc'), directory, { recursive: true });
  for (const name of await readdir(directory)) {
    if (name.endsWith('.c')) await includeAllocator(join(directory, name));
  }
  await cp(join(import.meta.dirname, 'alloc'), directory, { recursive: true });
  await appendFile(join(directory, 'Kbuild'), 'ksplice-y += fail_alloc.o\n');
  return buildCore(kernel, directory);
}

/** After all other headers, which have functions of these names. */
async function includeAllocator(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const end = text.indexOf('\n', text.lastIndexOf('\n#include ') + 1);
  await writeFile(file, `${text.slice(0, end)}\n#include "fail_alloc.h"${text.slice(end)}`);
}

/** Has each allocation of an apply fail in its turn. */
export async function starve(guest: Guest, update: string): Promise<MemoryVerdict[]> {
  await kspliceIn(guest, `apply ${update}`);
  await kspliceIn(guest, `undo ${ID}`);
  const log = (await guest.dmesg()).map(({ text }) => /allocates: (\S+)$/.exec(text)?.[1]);
  const places = [...new Set(log.filter((place) => place !== undefined))].sort();
  const verdicts: MemoryVerdict[] = [];
  for (const place of places) verdicts.push(await starveAt(guest, update, place));
  return verdicts;
}

async function starveAt(guest: Guest, update: string, place: string): Promise<MemoryVerdict> {
  const parameter = '/sys/module/ksplice/parameters/fail_at';
  const trap = `PATH=/run/test/bin:$PATH WHERE=insmod/ksplice AFTER='printf ${place} >${parameter}'`;
  const { stdout } = await guest.run(`${trap} ${toolLine(`apply ${update}`)}`, PATIENT);
  const { ok, error } = JSON.parse(stdout) as { ok: boolean; error?: Failure };
  if (ok) {
    const consumed = await guest.ok(`cat ${parameter}`);
    if (consumed !== 'done') throw new Error(`no allocation failed at ${place}`);
    await kspliceIn(guest, `undo ${ID}`);
  }
  const left = await kspliceModules(guest);
  if (left.length > 0) throw new Error(`after ${place} there is left: ${left.join(' ')}`);
  const cause = error?.details?.abortCause;
  const ended = ok ? 'done' : `\`${error?.code}\`${cause === undefined ? '' : ` (\`${cause}\`)`}`;
  return { place, ended, code: ok ? 'updated' : 'as before' };
}

interface Failure {
  readonly code: string;
  readonly details?: { readonly abortCause?: string };
}
