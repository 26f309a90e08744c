// The program as a process: what cannot be seen from inside of it.

import { cp, mkdtemp, rm } from 'node:fs/promises';
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
