// A kind on the stock kernel: the patch, and what `create` makes of it.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentUi } from '../../src/base/ui.js';
import { createUpdate } from '../../src/create/pipeline.js';
import type { TestKernel } from '../kernels/kernel.js';
import { sourcePatch } from '../vm/ksplice.js';
import type { Workshop } from '../vm/workshop.js';
import type { Kind, Seen, Subject } from './kind.js';
import { see } from './seen.js';

/** Compilers at a time. */
const JOBS = 2;

/** The id of a kind's update: at most 16 small letters. */
export function idOf({ kind }: Pick<Kind, 'kind'>): string {
  return kind
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .slice(0, 16);
}

/** The subject's patch for this kernel. */
export function patchOf({ edits, patch }: Subject, kernel: TestKernel): string {
  const parts = Object.entries(edits).map(([file, list]) => sourcePatch(kernel, file, list));
  return patch ? patch(parts.join(''), kernel) : parts.join('');
}

/** Has `create` make the update of a kind; its archive is `archiveOf()` then. */
export async function seeCreate(kind: Kind, kernel: TestKernel, workshop: Workshop): Promise<Seen> {
  const id = idOf(kind);
  const patch = join(workshop.folder, `${id}.patch`);
  await mkdir(workshop.folder, { recursive: true });
  await writeFile(patch, patchOf(kind.subject, kernel));
  const { confdir, folder: output } = workshop;
  const warned: string[] = [];
  const ui = { ...silentUi, warn: (text: string) => void warned.push(text) };
  return see(async () => {
    const { report } = await createUpdate({ patch, confdir, id, output, jobs: JOBS }, ui);
    const types = report.layout.changes.flatMap(({ name, notes }) =>
      notes.map((note) => `${name}: ${note}`),
    );
    return { says: [...warned, ...report.notes, ...types].join('\n'), changes: [] };
  });
}

export function archiveOf(kind: Kind, { folder }: Workshop): string {
  return join(folder, `ksplice-${idOf(kind)}.tar.gz`);
}
