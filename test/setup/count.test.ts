// The verdict of a whole run must not be better than the run: what is skipped, what
// did not load and what never ran counts as failed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/scratch.js';

const COUNT = join(import.meta.dirname, 'count.mjs');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'count-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes what vitest reports for a project: the statuses of its tests, file by file. */
function report(
  project: string,
  files: { name?: string; status: string; tests: string[] }[],
): void {
  const testResults = files.map(({ name, status, tests }, index) => ({
    name: name ?? `file${index}`,
    status,
    message: 'it did not load',
    assertionResults: tests.map((result) => ({ status: result, fullName: 'a test' })),
  }));
  writeFileSync(join(folder, `${project}.json`), JSON.stringify({ testResults }));
}

interface Verdict {
  status: number | undefined;
  last: string | undefined;
  lines: string[];
}

function count(...projects: string[]): Verdict {
  const options = { reject: false };
  const { exitCode, stdout } = execaSync('node', [COUNT, folder, ...projects], options);
  const lines = stdout.split('\n');
  return { status: exitCode, last: lines.at(-1), lines };
}

function verdict(...projects: string[]): Omit<Verdict, 'lines'> {
  const { status, last } = count(...projects);
  return { status, last };
}

describe('the verdict', () => {
  it('passes when every check and every test passed', () => {
    writeFileSync(join(folder, 'lint.check'), 'passed\n');
    report('unit', [{ status: 'passed', tests: ['passed', 'passed'] }]);
    expect(verdict('unit')).toEqual({ status: 0, last: '3 passed, 0 failed' });
  });

  it.each(['failed', 'skipped', 'pending', 'todo'])('fails for a test that is %s', (status) => {
    report('unit', [{ status: 'passed', tests: ['passed', status] }]);
    expect(verdict('unit')).toEqual({ status: 1, last: '1 passed, 1 failed' });
  });

  it('says what a failed test said, without the places in the code', () => {
    const failureMessages = ['Error: waited 60 s\nfor the guest\n    at run (guest.ts:1:1)'];
    const test = { status: 'failed', fullName: 'a test', failureMessages };
    const testResults = [{ name: 'file', status: 'failed', assertionResults: [test] }];
    writeFileSync(join(folder, 'unit.json'), JSON.stringify({ testResults }));
    expect(count('unit').lines).toEqual([
      'failed: unit: a test (failed)',
      '    Error: waited 60 s',
      '    for the guest',
      '0 passed, 1 failed',
    ]);
  });

  it('fails for a check that failed', () => {
    writeFileSync(join(folder, 'lint.check'), 'failed\n');
    report('unit', [{ status: 'passed', tests: ['passed'] }]);
    expect(verdict('unit')).toEqual({ status: 1, last: '1 passed, 1 failed' });
  });

  it('fails for a file that did not load, or whose hook failed after its tests', () => {
    report('unit', [
      { status: 'failed', tests: [] },
      { status: 'failed', tests: ['passed'] },
    ]);
    expect(verdict('unit')).toEqual({ status: 1, last: '1 passed, 2 failed' });
  });

  it('fails for a project that left no report or ran no test', () => {
    report('unit', [{ status: 'passed', tests: ['passed'] }]);
    report('real', []);
    expect(verdict('unit', 'real', 'vm')).toEqual({ status: 1, last: '1 passed, 2 failed' });
  });

  it('fails if one of the projects that ran together has no file', () => {
    const file = (name: string) => ({ name, status: 'passed', tests: ['passed'] });
    report('real+vm', [file('/x/test/vm/a.test.ts')]);
    expect(verdict('real+vm')).toEqual({ status: 1, last: '1 passed, 1 failed' });
    report('real+vm', [file('/x/test/vm/a.test.ts'), file('/x/test/real/a.test.ts')]);
    expect(verdict('real+vm')).toEqual({ status: 0, last: '2 passed, 0 failed' });
  });

  describe('of another kernel', () => {
    const NAME = 'a kprobe [not for this kernel: it has no kprobes] in the way';
    const skipped = (fullName: string, status = 'skipped') => ({ status, fullName });
    const results = (status: string, ...tests: { status: string; fullName: string }[]) => {
      const assertionResults = [{ status: 'passed', fullName: 'a test' }, ...tests];
      const testResults = [{ name: 'f', status, message: 'a complaint', assertionResults }];
      writeFileSync(join(folder, 'small.json'), JSON.stringify({ testResults }));
    };

    it('counts apart what is not for it, and says why', () => {
      results('passed', skipped(NAME));
      const { status, lines } = count('small');
      expect(status).toBe(0);
      expect(lines.slice(-3)).toEqual([
        `left out: small: ${NAME}`,
        '1 not for this kernel',
        '1 passed, 0 failed',
      ]);
    });

    it('fails for one that is skipped and does not say so, or that failed', () => {
      results('passed', skipped(NAME), skipped('another test'));
      expect(verdict('small')).toEqual({ status: 1, last: '1 passed, 1 failed' });
      results('failed', skipped(NAME, 'failed'));
      expect(verdict('small')).toEqual({ status: 1, last: '1 passed, 1 failed' });
    });

    it('fails for a file whose hook failed after the others', () => {
      results('failed', skipped(NAME));
      expect(verdict('small')).toEqual({ status: 1, last: '1 passed, 1 failed' });
    });

    it('fails if nothing of it is for the kernel', () => {
      const testResults = [
        { name: 'f', status: 'passed', message: '', assertionResults: [skipped(NAME)] },
      ];
      writeFileSync(join(folder, 'small.json'), JSON.stringify({ testResults }));
      expect(verdict('small')).toEqual({ status: 1, last: '0 passed, 1 failed' });
    });

    // A kernel of which the configuration is empty; the file boots nothing then.
    const ofEmptyKernel = (env: Record<string, string>) => {
      writeFileSync(join(folder, '.config'), '');
      const kernel = { release: '6.1.1', version: '6.1.1-1', image: '/', source: '/' };
      writeFileSync(join(folder, 'kernel.json'), JSON.stringify({ ...kernel, headers: folder }));
      const report = `--outputFile.json=${join(folder, 'small.json')}`;
      const words = ['vitest', 'run', '--project', 'vm', '--reporter=json', report];
      execaSync('npx', [...words, 'test/vm/core/ftrace.test.ts'], {
        cwd: ROOT,
        env: { KSPLICE_TEST_CACHE: folder, ...env },
      });
      return count('small').lines;
    };

    it('knows the words of a test that is left out', () => {
      const lines = ofEmptyKernel({ KSPLICE_TEST_KERNEL: 'small' });
      expect(lines).toContain('2 not for this kernel');
      expect(lines).toContainEqual(
        expect.stringMatching(/^left out: small: ftrace \[not for this kernel: it has no function/),
      );
    });

    it('leaves out nothing of the kernel of npm test', () => {
      expect(ofEmptyKernel({}).at(-1)).toBe('0 passed, 2 failed');
    });
  });
});
