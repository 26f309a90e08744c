// The program as a process: what cannot be seen from inside of it.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = path.join(ROOT, 'bin/ksplice-ts.js');

/** CPU time in milliseconds (wall time says more about the machine) of the quickest run. */
async function cpuTime(args: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const script = 'TIMEFORMAT=\'%U %S\'; time "$@" >/dev/null';
    const { stderr } = await execa('bash', ['-c', script, 'bash', process.execPath, ...args]);
    const [user = '', system = ''] = stderr.split(' ');
    times.push((Number(user) + Number(system)) * 1000);
  }
  return Math.min(...times);
}

describe('the program', () => {
  it('answers --version in hardly more time than node itself takes', async () => {
    const node = await cpuTime(['-e', '0']);
    const version = await cpuTime([PROGRAM, '--version']);
    expect(version - node).toBeLessThan(40);
  });

  it('answers --version --json with one object', async () => {
    const { stdout } = await execa(process.execPath, [PROGRAM, '--version', '--json']);
    expect(JSON.parse(stdout)).toEqual({ ok: true, version: expect.stringMatching(/^\d+\./) });
  });

  it.each([['view'], ['view --json'], ['--version']])(
    'says that the result of %s could not be written, and fails',
    async (words) => {
      const line = `"${process.execPath}" "${PROGRAM}" ${words} >/dev/full`;
      const { exitCode, stderr } = await execa('sh', ['-c', line], { reject: false });
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(
        /^error: the result cannot be written: ENOSPC\b.* \(io\)\n {2}Only .*$/,
      );
      const silent = await execa('sh', ['-c', `${line} 2>/dev/full`], { reject: false });
      expect(silent).toMatchObject({ exitCode: 1, stderr: '' });
    },
  );

  it('says that the current directory is gone', async () => {
    const line = `cd "$(mktemp -d)"; rmdir "$PWD"; "${process.execPath}" "${PROGRAM}" view`;
    const { exitCode, stderr } = await execa('sh', ['-c', line], { reject: false });
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'error: the current directory is gone (io)\n  Change to another one first.',
    );
    const json = await execa('sh', ['-c', `${line} --json`], { reject: false });
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: { code: 'io' } });
  });

  it('is content with a reader that has had enough', async () => {
    const line = `{ "${process.execPath}" "${PROGRAM}" view; echo $? >&2; } | true`;
    expect((await execa('sh', ['-c', line])).stderr).toBe('0');
  });

  it('does not run compiled code that was changed', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'ksplice-test-'));
    try {
      const bundle = path.join(directory, 'bundle.cjs');
      const loader = path.join(ROOT, 'bin/load-bundle.js');
      await writeFile(bundle, 'exports.answer = () => [1, 2, 3].map((x) => x * 2).join();');
      const run = async (more: string, ...options: string[]) => {
        const code =
          `const { loadBundle } = require(${JSON.stringify(loader)});` +
          `const bundle = ${JSON.stringify(bundle)}; const { exports: e, script, keepCompiled } = loadBundle(bundle);` +
          `console.log(e.answer(), script.cachedDataRejected); ${more}`;
        return (await execa(process.execPath, [...options, '-e', code])).stdout;
      };
      expect(await run('keepCompiled();')).toBe('2,4,6 undefined');
      expect(await run('')).toBe('2,4,6 false');
      // V8 with other options has its own.
      expect(await run('', '--no-opt')).toBe('2,4,6 true');
      expect(await run('keepCompiled();', '--no-opt')).toBe('2,4,6 true');
      expect(await run('', '--no-opt')).toBe('2,4,6 false');
      expect(await run('')).toBe('2,4,6 false');
      const cache = `${bundle}.cache`;
      const whole = await readFile(cache);
      for (let at = 0; at < whole.length; at += 97) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] as number) ^ 0x10;
        await writeFile(cache, at % 2 === 0 ? changed : whole.subarray(0, at));
        if (at % 5 === 0) expect(await run('')).toBe('2,4,6 undefined');
      }
      await writeFile(cache, whole);
      // Of the same length.
      await writeFile(bundle, 'exports.answer = () => [1, 2, 3].map((x) => x * 3).join();');
      expect(await run('')).toBe('3,6,9 undefined');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('says what to do when it is not compiled yet', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'ksplice-test-'));
    try {
      await cp(path.join(ROOT, 'bin'), path.join(directory, 'bin'), { recursive: true });
      await cp(path.join(ROOT, 'package.json'), path.join(directory, 'package.json'));
      const program = path.join(directory, 'bin/ksplice-ts.js');
      const options = { reject: false } as const;
      const plain = await execa(process.execPath, [program, 'view'], options);
      expect(plain.exitCode).toBe(1);
      expect(plain.stderr).toContain('npm run build');
      const json = await execa(process.execPath, [program, 'view', '--json'], options);
      expect(json.exitCode).toBe(1);
      expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: { code: 'internal' } });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
