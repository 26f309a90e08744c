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
    const { code, message, advice } = error;
    return { code, details: codesOf(error.details), says: `${message}\n${advice}`, changes: [] };
  }
}

function codesOf(details: unknown): string[] {
  if (!Array.isArray(details)) return [];
  return details.flatMap((one: { code?: string } | string) =>
    typeof one === 'object' && one.code !== undefined ? [one.code] : [],
  );
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
