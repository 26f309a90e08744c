// Files for tools that read nothing else: written to a folder of their own,
// gone when the work is done.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Calls `work` with a folder that holds the given files and is removed afterwards. */
export function withFiles<T>(files: Record<string, Uint8Array>, work: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
  try {
    for (const [name, data] of Object.entries(files)) writeFileSync(path.join(folder, name), data);
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Standard output of a command that must succeed. */
export function run(folder: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
  });
}
