import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../src/base/lock.js';
import { silentUi } from '../../src/base/ui.js';
import { isHeld } from '../support/held.js';

let directory: string;
let lock: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ksplice-lock-'));
  lock = join(directory, 'lock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A process that takes the lock, says so, and keeps it. */
async function startHolder() {
  const source = (file: string) => JSON.stringify(resolve(import.meta.dirname, '../../src', file));
  const script = `
    import { takeLock } from ${source('base/lock.ts')};
    import { silentUi } from ${source('base/ui.ts')};
    await takeLock(${JSON.stringify(lock)}, silentUi);
    console.log('held');
    setInterval(() => {}, 1000);`;
  const holder = execa(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    reject: false,
  });
  await new Promise((held) => holder.stdout.once('data', held));
  // In an object: it can be awaited itself, to its end.
  return { holder };
}

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
    expect(isHeld(lock)).toBe(true);
    release();
    (await waiting)();
    expect(isHeld(lock)).toBe(false);
  });

  it('takes over from a holder that was killed', async () => {
    const { holder } = await startHolder();
    expect(isHeld(lock)).toBe(true);
    await expect(takeLock(lock, silentUi, 0)).rejects.toMatchObject({
      message: `process ${holder.pid} has been using ${lock} for a long time`,
    });
    holder.kill('SIGKILL');
    await holder;
    (await takeLock(lock, silentUi, 0))();
  });

  it('is not fooled by what an earlier holder, or another version, has left in the file', async () => {
    const { pid } = spawnSync('true');
    for (const text of [`${pid} 12345\n`, `${process.pid}\n`, '']) {
      writeFileSync(lock, text);
      const release = await takeLock(lock, silentUi, 0);
      expect(readFileSync(lock, 'utf8')).toBe(`${process.pid}\n`);
      release();
    }
  });

  it('has one holder at a time, however many wait, and whatever the file says', async () => {
    // What a holder that was killed has left: each waiter once moved such a file away.
    const { pid } = spawnSync('true');
    writeFileSync(lock, `${pid} 12345\n`);
    let holders = 0;
    let most = 0;
    const turn = async () => {
      const release = await takeLock(lock, silentUi);
      most = Math.max(most, ++holders);
      await new Promise((done) => setTimeout(done, 5));
      holders--;
      release();
    };
    await Promise.all(Array.from({ length: 12 }, turn));
    expect(most).toBe(1);
  });

  it('keeps its file, which another one may wait at', async () => {
    const [first, second] = [await takeLock(lock, silentUi), takeLock(lock, silentUi)];
    await new Promise((done) => setTimeout(done, 100));
    first();
    const release = await second;
    await expect(takeLock(lock, silentUi, 0)).rejects.toMatchObject({ code: 'busy' });
    release();
  });

  it('gives up after a while, and on a signal', async () => {
    const release = await takeLock(lock, silentUi);
    await expect(takeLock(lock, silentUi, 0)).rejects.toMatchObject({ code: 'busy' });
    const stopped = { ...silentUi, signal: AbortSignal.abort() };
    await expect(takeLock(lock, stopped)).rejects.toMatchObject({ code: 'interrupted' });
    const stop = new AbortController();
    const waiting = takeLock(lock, { ...silentUi, signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    release();
    release();
    expect(isHeld(lock)).toBe(false);
    expect(readFileSync(lock, 'utf8')).toBe('');
  });
});
