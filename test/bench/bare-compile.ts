// The measure that `create` is held against: the compiler alone, with the command
// that kbuild stored beside the object.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parseCmdFile } from '../../src/create/tree/cmd-file.js';

/** Median wall time, in milliseconds, of compiling `object` in the tree that `cache` holds. */
export async function bareCompile(cache: string, object: string, rounds: number): Promise<number> {
  const cmdName = join(dirname(object), `.${basename(object)}.cmd`);
  const found = await findFile(cache, cmdName);
  const tree = found.slice(0, -cmdName.length);
  const [compiler] = parseCmdFile(await readFile(found, 'utf8'), object).commands;
  if (compiler === undefined) throw new Error(`${found} holds no command`);
  const [program, ...args] = compiler.map((word) => discarded(word, object));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    await promisify(execFile)(program!, args, { cwd: tree });
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[rounds >> 1]!;
}

/** The word with the compiler's outputs pointed to where the tree is not touched. */
function discarded(word: string, object: string): string {
  if (word === object) return '/dev/null';
  return word.startsWith('-Wp,-MMD,') ? '-Wp,-MMD,/dev/null' : word;
}

/** The first file below `folder` whose path ends with `path`. */
async function findFile(folder: string, path: string): Promise<string> {
  const args = [folder, '-path', `*/${path}`, '-print', '-quit'];
  const { stdout } = await promisify(execFile)('find', args);
  if (stdout === '') throw new Error(`there is no ${path} below ${folder}`);
  return stdout.trimEnd();
}
