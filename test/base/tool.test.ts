import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { explainIo, KspliceError } from '../../src/base/errors.js';
import { runTool } from '../../src/base/tool.js';
import { silentUi } from '../../src/base/ui.js';

const run = (script: string, more = {}) =>
  runTool('sh', ['-c', script], { cwd: tmpdir(), signal: silentUi.signal, ...more });

describe('runTool', () => {
  it('gives bytes as they are, and variables of its own', async () => {
    const options = { encoding: 'latin1', environment: { KSPLICE_TEST: 'x' } } as const;
    const { stdout } = await run("printf '\\351%s' $KSPLICE_TEST", options);
    expect(stdout).toBe('\xe9x');
  });

  it("tells a full disk from a fault of the tool's input", async () => {
    const full = 'echo "as: cannot write x.o: No space left on device" >&2';
    await expect(run(`${full}; exit 1`)).rejects.toMatchObject({ code: 'io' });
    expect(await run('echo "no such function" >&2; exit 1')).toMatchObject({ status: 1 });
    expect(await run(`${full}; exit 0`)).toMatchObject({ status: 0 });
  });
});

describe('explainIo', () => {
  it.each(['ENOSPC', 'EROFS', 'EACCES', 'EDQUOT'])('makes %s a failure with advice', (code) => {
    const thrown = Object.assign(new Error(`${code}: write /x`), { code });
    const error = explainIo(thrown);
    expect(error).toBeInstanceOf(KspliceError);
    expect(error).toMatchObject({ code: 'io', advice: expect.stringMatching(/./), cause: thrown });
  });

  it('names another place only for what can go there', () => {
    const advice = (path: string) => {
      const thrown = Object.assign(new Error(`open ${path}`), { code: 'EROFS', path });
      return (explainIo(thrown) as KspliceError).advice;
    };
    expect(advice('/home/me/x')).toContain('name another place');
    for (const place of ['/run/ksplice/lock', '/var/lib/ksplice']) {
      expect(advice(place)).toBe('That file system can only be read: mount it for writing.');
    }
  });

  it('leaves anything else as it is', () => {
    for (const thrown of [new Error('x'), new KspliceError('io', 'x'), 'x', undefined]) {
      expect(explainIo(thrown)).toBe(thrown);
    }
  });
});
