// The pairs of objects that a corpus run has compiled, for those who want to run
// the differ on many real ones.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { testKernel } from '../kernels/kernel.js';

/** Two object files of one object. */
export interface ObjectPair {
  /** "net/sctp/input.o" */
  readonly object: string;
  /** The sectioned objects before and after the patch. */
  readonly pre: string;
  readonly post: string;
}

/** Where a run leaves the list of its pairs, below its output directory. */
export const PAIRS_FILE = 'pairs.json';

/** Patches of the run that is made where there is none. */
const FEW = 40;

/**
 * The pairs of a former run; of the last one by default. Where there is none, a
 * short one is made, of the changes between the test kernel and another version.
 */
export async function objectPairs(list?: string): Promise<ObjectPair[]> {
  const file = list ?? join(process.cwd(), '.work', 'corpus', PAIRS_FILE);
  if (!existsSync(file) && list === undefined) await runShortCorpus();
  const pairs = JSON.parse(readFileSync(file, 'utf8')) as ObjectPair[];
  return pairs.filter(({ pre, post }) => existsSync(pre) && existsSync(post));
}

async function runShortCorpus(): Promise<void> {
  const kernel = await testKernel();
  const other = kernel.otherSource?.version;
  if (!other) throw new Error('There are no objects: run `npm run corpus` before.');
  console.error(
    `No corpus was run so far: compiling ${FEW} changes between ${kernel.version} and ${other}`,
  );
  const options = ['--from', kernel.version, '--to', other, '--limit', `${FEW}`];
  const script = join(import.meta.dirname, 'corpus.ts');
  await execa('npx', ['tsx', script, ...options], { stdio: 'inherit' });
}
