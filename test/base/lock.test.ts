import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../src/base/lock.js';
import { silentUi } from '../../src/base/ui.js';

let directory: string;
let lock: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ksplice-lock-'));
  lock = join(directory, 'lock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('takeLock', () => {
  it('excludes a second holder until the first is done', async () => {
    const release = await takeLock(lock, silentUi);
    const told: string[] = [];
    const ui = { ...silentUi, info: (text: string) => told.push(text) };
    let second = false;
    const waiting = takeLock(lock, ui).then((releaseSecond) => {
      second = true;
      return releaseSecond;
    });
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(second).toBe(false);
    expect(told).toEqual([`waiting for process ${process.pid}, which uses the same cache`]);
    release();
    (await waiting)();
    expect(existsSync(lock)).toBe(false);
  });

  it('takes over from a holder that was killed', async () => {
    const { pid } = spawnSync('true');
    writeFileSync(lock, `${pid} 12345\n`);
    (await takeLock(lock, silentUi, 0))();
  });

  it('is not fooled by another process that got the pid', async () => {
    const child = spawn('sleep', ['60']);
    try {
      writeFileSync(lock, `${child.pid} 1\n`);
      const release = await takeLock(lock, silentUi, 0);
      expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
      release();
    } finally {
      child.kill();
    }
  });

  it('gives up after a while, and on a signal', async () => {
    const release = await takeLock(lock, silentUi);
    await expect(takeLock(lock, silentUi, 0)).rejects.toMatchObject({ code: 'busy' });
    const stopped = { ...silentUi, signal: AbortSignal.abort() };
    await expect(takeLock(lock, stopped)).rejects.toMatchObject({ code: 'interrupted' });
    release();
    release();
  });
});
