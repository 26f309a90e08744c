// The shell that holds the lock, with real programs.

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { withDir } from 'tmp-promise';
import { describe, expect, it } from 'vitest';
import { Shell } from '../../src/host/shell.js';

const withLockFile = (work: (file: string) => Promise<void>) =>
  withDir(
    async ({ path: where }) => {
      const file = path.join(where, 'lock');
      await writeFile(file, '');
      await work(file);
    },
    { unsafeCleanup: true },
  );

describe('Shell', () => {
  it('runs programs one after the other, each with its one argument', () =>
    withLockFile(async (file) => {
      const shell = await Shell.start(file);
      for (const argument of ['plain', 'two words', "it's", '$HOME `id` "x"', '*']) {
        expect(await shell.run('echo', argument)).toEqual({ status: 0, said: argument });
      }
      await shell.end();
    }));

  it('tells the status and what went to stderr', () =>
    withLockFile(async (file) => {
      const shell = await Shell.start(file);
      const { status, said } = await shell.run('ls', '/nonexistent');
      expect(status).toBe(2);
      expect(said).toContain('No such file or directory');
      expect((await shell.run('no-such-program', 'x')).status).toBe(127);
      expect(await shell.run('true', 'x')).toEqual({ status: 0, said: '' });
      await shell.end();
    }));

  it('keeps letters beyond ASCII whole', () =>
    withLockFile(async (file) => {
      const shell = await Shell.start(file);
      expect(await shell.run('echo', 'käse')).toEqual({ status: 0, said: 'käse' });
      const script = "printf '\\303'; sleep 0.2; printf '\\244'";
      expect(await shell.run('sh -c', script)).toEqual({ status: 0, said: 'ä' });
      await shell.end();
    }));

  it('keeps others out until it ends', () =>
    withLockFile(async (file) => {
      const first = await Shell.start(file);
      await expect(Shell.start(file)).rejects.toMatchObject({ code: 'busy' });
      await first.end();
      await (await Shell.start(file)).end();
    }));

  it('finishes what it is at when we are killed, and lets go then', () =>
    withLockFile(async (file) => {
      const source = path.resolve(import.meta.dirname, '../../src/host/shell.ts');
      const script = `
        import { Shell } from ${JSON.stringify(source)};
        const shell = await Shell.start(${JSON.stringify(file)});
        console.log('held');
        await shell.run('sleep 1; echo done >>', ${JSON.stringify(file)});`;
      const victim = execa('npx', ['tsx', '--input-type=module', '--eval', script], {
        reject: false,
        detached: true,
      });
      await new Promise((resolve) => victim.stdout.once('data', resolve));
      await pause(200);
      process.kill(-(victim.pid as number), 'SIGKILL');
      await victim;
      const next = await Shell.start(file);
      expect(await next.run('cat', file)).toEqual({ status: 0, said: 'done' });
      await next.end();
    }));

  it('says that it is gone when it was killed', () =>
    withLockFile(async (file) => {
      const shell = await Shell.start(file);
      const { said } = await shell.run('sh -c', 'echo $PPID');
      process.kill(Number(said), 'SIGKILL');
      await expect(shell.run('true', 'x')).rejects.toMatchObject({ code: 'load-failed' });
      await shell.end();
    }));
});
