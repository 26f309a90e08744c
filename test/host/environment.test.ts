import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { programEnvironment } from '../../src/host/environment.js';
import { Shell } from '../../src/host/shell.js';

describe('programEnvironment', () => {
  it('has the places of administration after those that the caller names', () => {
    expect(programEnvironment({ PATH: '/opt/bin:/usr/bin' }).PATH).toBe(
      '/opt/bin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin',
    );
  });

  it.each([undefined, '', '.:/usr/bin', '/usr/bin:', '/usr/bin::/bin', 'bin:/bin'])(
    'never leads to where the caller stands: PATH=%j',
    (PATH) => {
      const places = (programEnvironment({ PATH }).PATH ?? '').split(':');
      expect(places.every((place) => place.startsWith('/'))).toBe(true);
      expect(places).toContain('/usr/sbin');
    },
  );

  it('leaves out what shells take functions and commands from', () => {
    const env = programEnvironment({ 'BASH_FUNC_insmod%%': '() { :; }', ENV: 'x', HOME: '/root' });
    expect(Object.keys(env).sort()).toEqual(['HOME', 'LC_ALL', 'PATH']);
  });
});

describe('the shell', () => {
  let folder: string;
  const before = process.cwd();
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ksplice-ts-test-'));
    for (const name of ['insmod', 'flock', 'sh']) {
      writeFileSync(path.join(folder, name), `#!/bin/sh\ntouch ${folder}/was-run\n`);
      chmodSync(path.join(folder, name), 0o755);
    }
    writeFileSync(path.join(folder, 'lock'), '');
  });
  afterEach(() => {
    process.chdir(before);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['', ':/usr/bin'])('runs no program of the current directory: PATH=%j', async (PATH) => {
    process.chdir(folder);
    vi.stubEnv('PATH', PATH);
    const shell = await Shell.start(path.join(folder, 'lock'));
    await shell.run('insmod', '/absent.ko');
    await shell.end();
    expect(execFileSync('/bin/ls', [folder], { encoding: 'utf8' })).not.toContain('was-run');
  });
});
