// What several test files need, and one of them makes for all: files of another process of the same
// run, or of an earlier run.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

/** Runs `body` while no other process holds the lock; a process that dies holds none. */
export async function locked<T>(file: string, body: () => Promise<T>): Promise<T> {
  const holder = execa('flock', [file, 'sh', '-c', 'echo held; exec cat'], { reject: false });
  const ended = holder.then(({ stderr, shortMessage }) => {
    throw new Error(`no lock on ${file}: ${stderr ?? ''} ${shortMessage ?? ''}`);
  });
  await Promise.race([once(holder.stdout, 'data'), ended]);
  try {
    return await body();
  } finally {
    holder.stdin.end();
    await holder;
  }
}

const DAY_MS = 86_400_000;

/** Takes away what was made for all more than a day ago, but the locks. */
export async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const isOld = (await stat(path)).mtimeMs < Date.now() - DAY_MS;
    if (isOld && !name.endsWith('lock')) await rm(path, { recursive: true });
  }
}

/** Differs when a file differs, or is at another place, or `more` does. */
export async function digestOf(paths: readonly string[], more: string): Promise<string> {
  const hash = createHash('sha256').update(more);
  const add = async (path: string): Promise<void> => {
    if ((await stat(path)).isDirectory()) {
      for (const name of (await readdir(path)).sort()) await add(join(path, name));
    } else {
      hash.update(`\0${path}\0`).update(await readFile(path));
    }
  };
  for (const path of paths) await add(path);
  return hash.digest('hex').slice(0, 12);
}
