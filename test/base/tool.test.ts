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

  it('tells whole lines with whole letters, and the last one without an end', async () => {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    // The letter's two bytes come one after the other, and another stream between them.
    const script = "printf 'a\\303'; sleep 0.2; echo between >&2; sleep 0.2; printf '\\244\\nend'";
    const { stdout, output } = await run(script, { onLine });
    expect(lines).toEqual(['between', 'aä', 'end']);
    expect(stdout).toBe('aä\nend');
    expect(output).toBe('between\naä\nend\n');
  });

  it('tells the lines of a tool that fails, too', async () => {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    expect(await run('echo out; echo why >&2; exit 3', { onLine })).toMatchObject({ status: 3 });
    expect(lines.sort()).toEqual(['out', 'why']);
  });

  it('keeps nothing of what it was told to pass on, but what went wrong', async () => {
    const told: Buffer[] = [];
    const onData = (data: Buffer) => told.push(data);
    const result = await run('printf "\\377out"; echo why >&2; exit 3', { onData });
    expect(Buffer.concat(told).toString('latin1')).toBe('\xffout');
    expect(result).toEqual({ status: 3, stdout: '', output: 'why\n' });
  });

  it('says which tool is missing, and what was killed', async () => {
    const { signal } = silentUi;
    const missing = runTool('no-such-tool', [], { cwd: tmpdir(), signal, onLine: () => {} });
    await expect(missing).rejects.toMatchObject({ code: 'missing-tool' });
    expect(await run('kill -9 $$')).toMatchObject({ status: 128 });
  });

  it('stops when the user does, and waits for the end of the tool', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const onLine = (line: string) => {
      lines.push(line);
      if (line === 'begun') stop.abort();
    };
    const script =
      "trap 'sleep 0.2; echo cleaned; exit' TERM; echo begun; while :; do sleep 0.05; done";
    const stopped = run(script, { onLine, signal: stop.signal });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    expect(lines).toEqual(['begun', 'cleaned']);
    await expect(run('true', { signal: stop.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it('runs many at a time with one signal without a warning of Node', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    await Promise.all(Array.from({ length: 16 }, () => run('true')));
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
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
