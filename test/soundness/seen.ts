// What the tool did, in the words that kinds are judged by.

import { KspliceError } from '../../src/base/errors.js';
import type { ChangedTarget } from '../../src/create/values.js';
import type { Seen } from './kind.js';

/** Runs what makes an update, or refuses to. Anything but a KspliceError is thrown. */
export async function see(make: () => Promise<Omit<Seen, 'code' | 'details'>>): Promise<Seen> {
  try {
    return { code: undefined, details: [], ...(await make()) };
  } catch (error) {
    if (!(error instanceof KspliceError)) throw error;
    const { code, details } = error;
    const problems = details?.problems ?? [];
    const said = [error, ...problems].map((one) => `${one.message}\n${one.advice ?? ''}`);
    return { code, details: problems.map((one) => one.code), says: said.join('\n'), changes: [] };
  }
}

/** All that changes, in the words of `Seen`. */
export function changesOf(targets: readonly ChangedTarget[]): string[] {
  return targets.flatMap(({ objects }) =>
    objects.flatMap(({ diff }) => [
      ...diff.replaced.map(({ name }) => name),
      ...diff.written.map(({ name }) => `write ${name}`),
      ...[...diff.functions.added, ...diff.data.added].map((name) => `new ${name}`),
    ]),
  );
}
