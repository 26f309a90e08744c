// The kernel's interpreter of match programs, compiled for user space with the
// sanitizers; runner.c says which commands it takes and what it answers.

import path from 'node:path';
import { execa } from 'execa';
import type { MatchResult } from '../../src/match/interpret.js';

const here = import.meta.dirname;
const kmodsrc = path.resolve(here, '../../kmodsrc');

/** Compiles it into a folder; returns the program's path. */
export async function buildRunner(folder: string): Promise<string> {
  const sources = [path.join(here, 'runner.c')];
  for (const name of ['check.c', 'compare.c', 'operands.c', 'match.c']) {
    sources.push(path.join(kmodsrc, name));
  }
  const warnings = ['-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror'];
  const checks = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g', '-O1'];
  const includes = [`-I${path.join(here, 'shim')}`, `-I${kmodsrc}`];
  const runner = path.join(folder, 'runner');
  await execa('gcc', [...warnings, ...checks, ...includes, '-o', runner, ...sources]);
  return runner;
}

/** Its answers, one for each "run" among the commands. */
export async function askRunner(runner: string, commands: readonly string[]): Promise<string[]> {
  const { stdout } = await execa(runner, {
    input: Buffer.from(`${commands.join('\n')}\n`, 'latin1'),
    encoding: 'latin1',
    maxBuffer: 1 << 28,
    env: { ASAN_OPTIONS: 'detect_leaks=0' },
  });
  return stdout.split('\0').slice(0, -1);
}

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** All addresses of a name, in the target and elsewhere, in place of those before. */
export const symbolCommand = (
  name: string,
  own: readonly bigint[],
  elsewhere: readonly bigint[] = [],
) =>
  [
    `symbol ${name}`,
    ...own.map((address) => address.toString(16)),
    ...elsewhere.map((address) => `-${address.toString(16)}`),
  ].join(' ');

/** The TypeScript interpreter's result in the words of the runner. */
export function describeResult(result: MatchResult): string {
  const { mismatches, addresses, values } = result;
  const lines = mismatches.map(({ cause, object, span, offset, address, expected, found }) => {
    const where = `${object}|${span}|${offset}|${(address ?? 0n).toString(16)}`;
    return `mismatch ${cause}|${where}|${hex(expected)}|${found ? hex(found) : ''}`;
  });
  lines.push(`${result.ok ? 'ok' : 'bad'} ${result.unverified}`);
  addresses.forEach((value, index) => {
    if (value !== undefined) lines.push(`span ${index} ${value.toString(16)}`);
  });
  values.forEach((value, index) => {
    if (value !== undefined) lines.push(`key ${index} ${value.toString(16)}`);
  });
  return lines.map((line) => `${line}\n`).join('');
}
