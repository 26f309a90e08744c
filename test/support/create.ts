// create as the tests on real source call it: an update, or a refusal that left nothing behind.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { KspliceError } from '../../src/base/errors.js';
import { silentUi } from '../../src/base/ui.js';
import { type CreatedUpdate, createUpdate } from '../../src/create/pipeline.js';
import type { CreateOptions } from '../../src/create/request.js';
import { isHeld } from './held.js';
import type { Scratch } from './scratch.js';
import { spending } from './spent.js';

export interface Created extends CreatedUpdate {
  readonly said: { readonly info: string[]; readonly warnings: string[] };
  /** For each object: its target and the functions that changed; sorted. */
  readonly functions: string[][];
}

/** Makes an update in a test's folder. */
export async function createIn(
  { confdir, output }: Scratch,
  options: Partial<CreateOptions>,
): Promise<Created> {
  const said: Created['said'] = { info: [], warnings: [] };
  const ui = {
    ...silentUi,
    info: (text: string) => said.info.push(text),
    warn: (text: string) => said.warnings.push(text),
  };
  const call = () => createUpdate({ confdir, jobs: 2, output, ...options }, ui);
  const created = await spending('create', call);
  const functions = created.report.objects.map(({ target, changed: list }) => [
    target,
    ...list.map(({ name }) => name),
  ]);
  return { ...created, said, functions: functions.sort() };
}

/** Why no update is made; nothing of it must be left. */
export async function refusalIn(
  scratch: Scratch,
  options: Partial<CreateOptions>,
): Promise<KspliceError> {
  const { output, cache } = scratch;
  const delivered = existsSync(output) ? readdirSync(output) : [];
  const error = await createIn(scratch, options).catch((thrown: unknown) => thrown);
  if (!(error instanceof KspliceError)) throw error;
  expect(existsSync(output) ? readdirSync(output) : []).toEqual(delivered);
  // The area of each tree is free, and holds the tree as it is.
  for (const area of existsSync(join(cache, 'trees')) ? readdirSync(join(cache, 'trees')) : []) {
    const place = join(cache, 'trees', area);
    expect(isHeld(join(place, 'lock'))).toBe(false);
    expect(readdirSync(place)).not.toContain('journal.json');
  }
  return error;
}
